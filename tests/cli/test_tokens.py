"""``perdure token``, and the link and audit log of ``perdure serve``."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Running, Shell

Start = Callable[..., Running]


def ask(running: Running, method: str, path: str, body: object, token: str = "") -> int:
    where = str(running.told["url"]).removeprefix("http://")
    connection = http.client.HTTPConnection(where, timeout=30)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body)
    connection.request(method, path, data, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_server_knows_at_once_what_tokens_there_are(shell: Shell, start: Start) -> None:
    running = start("--port", "0", command="serve")
    made = json.loads(shell.run("token", "add", "grafana", "--json").stdout)

    assert ask(running, "GET", "/metrics", None, made["token"]) == 200
    assert ask(running, "POST", "/api/v1/backup", {}, made["token"]) == 403
    assert "grafana" in shell.run("token", "list").stdout
    assert json.loads(shell.run("token", "list", "--json").stdout)["role"] == "read"
    assert shell.run("token", "add", "grafana").exit_code == 1
    assert shell.run("token", "remove", "grafana").exit_code == 0
    assert ask(running, "GET", "/metrics", None, made["token"]) == 401


def test_links_log_in_once_and_what_was_done_is_written_down(
    shell: Shell, start: Start
) -> None:
    running = start("--port", "0", command="serve")
    url = str(running.told["url"])
    again = shell.run("token", "link", "--url", url).stdout.strip()

    for link in (str(running.told["page"]), again):
        assert link.startswith(f"{url}/#login=")
        secret = {"secret": link.partition("=")[2]}
        assert ask(running, "POST", "/api/v1/login", secret) == 200
        assert ask(running, "POST", "/api/v1/login", secret) == 401
    assert running.end(signal.SIGTERM) == 0
    entries = Path(shell.store + ".audit.log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(entry)["status"] for entry in entries] == [200, 200, 401, 200, 401]


def test_a_link_needs_a_server(shell: Shell) -> None:
    result = shell.run("token", "link", "--url", "http://127.0.0.1:9")

    assert result.exit_code == 1
    assert "give its --url" in result.stderr
    assert shell.run("token", "link", "--url", "file:///etc/passwd").exit_code == 1
