"""Activities that end their process, for real: who is set aside, and what goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from perdure.actors import limits
from tests.orchestration import killing

ROOT = Path(__file__).resolve().parents[2]
CRASHES = 12


def run_until_it_survives(store: Path, path: Path) -> tuple[int, Any]:
    """Start the program again each time that it is killed: how often, and what it told."""
    command = [sys.executable, "-m", "tests.orchestration.killing", str(store), str(path)]
    for crashes in range(CRASHES):
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
        if ended.returncode != 9:
            assert ended.returncode == 0, ended.stderr
            return crashes, json.loads(ended.stdout)
    msg = f"it was killed {CRASHES} times, and nothing was set aside"
    raise AssertionError(msg)


def test_an_activity_that_kills_its_process_is_set_aside_and_can_be_tried_again(
    tmp_path: Path,
) -> None:
    store, path = tmp_path / "shop.db", tmp_path / "live"

    crashes, (rows, at_work) = run_until_it_survives(store, path)

    [[message, stream, attempts, reason]] = rows
    assert (stream, attempts) == ("@@kill", limits.ATTEMPTS)
    assert "the only message in hand at 3 crashes" in reason
    assert crashes >= limits.ATTEMPTS
    assert at_work == ["slow"] * killing.SLOW

    with killing.app.open(str(store)) as client:
        ref = client.orchestration("i")
        assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]
        assert [row.id for row in client.quarantine()] == [message]
        path.touch()
        assert client.redrive(message)
        result = ref.result(30)
        assert result == [*["slow"] * killing.SLOW, *range(5), "lived, attempt False"]
        assert not list(client.quarantine())
