"""``perdure serve`` in a process of its own: who it lets in, what it refuses to begin."""

from __future__ import annotations

import http.client
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import APP, Running, Shell

Start = Callable[..., Running]
BASE = "/runtime/webhooks/durabletask"


def ask(
    running: Running, method: str, path: str, body: str = "", token: str = ""
) -> tuple[int, bytes]:
    where = str(running.told["url"]).removeprefix("http://")
    connection = http.client.HTTPConnection(where, timeout=30)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection.request(method, BASE + path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_it_asks_for_the_token_beside_the_store_and_logs_it_nowhere(
    shell: Shell, start: Start
) -> None:
    running = start("--port", "0", "--log-level", "debug", command="serve")
    file = Path(running.told["token_file"])
    token = file.read_text(encoding="ascii").strip()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ask(running, "GET", "/instances")[0] == 401
    assert ask(running, "GET", f"/instances?code={token}", token=token)[0] == 400
    add = "/entities/counter/a?op=add&wait=true"
    assert ask(running, "POST", add, "2", token) == (200, b"2")
    assert shell.run("call", "@counter@a", "add", "1").stdout == "3\n"
    running.process.send_signal(signal.SIGTERM)
    out, log = running.process.communicate(timeout=30)

    assert running.process.returncode == 0
    assert token not in out + log
    again = start("--port", "0", command="serve")
    assert ask(again, "GET", "/entities/counter/a", token=token)[0] == 200


def test_without_authentication_it_serves_this_machine(start: Start) -> None:
    running = start("--port", "0", "--auth", "none", command="serve")

    assert "token_file" not in running.told
    assert ask(running, "GET", "/instances") == (200, b"[]")
    assert running.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "0.0.0.0"], "in the clear"),
        (["--host", "0.0.0.0", "--auth", "none"], "without a token"),
        (["--host", "::", "--auth", "none", "--public-url", "https://x"], "without a token"),
        (["--host", "0.0.0.0", "--public-url", "http://x"], "public URL"),
    ],
)
def test_it_refuses_to_be_reached_without_protection(
    shell: Shell, words: list[str], told: str
) -> None:
    result = shell.run("serve", APP, "--port", "0", *words)

    assert result.exit_code == 1
    assert told in result.stderr


def test_a_store_in_memory_has_no_place_for_a_token(shell: Shell) -> None:
    result = shell.run("serve", APP, "--store", ":memory:")

    assert result.exit_code == 1
    assert "store in a file" in result.stderr


def test_a_token_that_others_may_read_is_refused(shell: Shell) -> None:
    file = Path(shell.store + ".token")
    file.write_text("x" * 40, encoding="ascii")
    file.chmod(0o644)

    result = shell.run("serve", APP, "--port", "0")

    assert result.exit_code == 1
    assert "others may read" in result.stderr
