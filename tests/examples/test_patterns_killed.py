"""Each pattern's own command is killed with SIGKILL on a real store, and started again."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples.flights.dataset import ROOT
from tests.examples.scenes import PATTERNS, Pattern, check_approval

KILLS = 4
PAUSES = (0.0, 0.0, 0.02, 0.1)
"""Seconds from a line to the kill."""


def play(pattern: Pattern, store: Path, *, stop_at: str | int | None, pause: float = 0) -> int:
    """Run the example; kill it *pause* seconds after a line, known by number or by a text.

    Returns:
        Its exit code.
    """
    command = [sys.executable, "-m", f"examples.patterns.{pattern.name}", "--store", str(store)]
    example = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert example.stdout is not None
    with example.stdout as lines:
        for number, line in enumerate(lines):
            if stop_at == number or (isinstance(stop_at, str) and stop_at in line):
                time.sleep(pause)
                example.kill()
    return example.wait()


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_a_scene_that_is_killed_again_and_again_ends_as_if_it_was_not(
    pattern: Pattern, tmp_path: Path
) -> None:
    store, chance = tmp_path / "pattern.db", random.Random(pattern.name)

    codes = [
        play(pattern, store, stop_at=chance.randint(1, 4), pause=chance.choice(PAUSES))
        for _ in range(KILLS)
    ]
    last = play(pattern, store, stop_at=None)

    assert set(codes) <= {-signal.SIGKILL, 0}  # 0: it had ended before the kill came
    assert -signal.SIGKILL in codes
    assert last == 0
    with pattern.app.open(store) as client:
        pattern.check(client)
        assert list(client.verify()) == []


def test_an_approval_that_was_given_is_not_lost(tmp_path: Path) -> None:
    pattern = next(pattern for pattern in PATTERNS if pattern.name == "approval")
    store = tmp_path / "approval.db"

    assert play(pattern, store, stop_at="yes to desk") == -signal.SIGKILL

    with pattern.app.open(store) as client:  # nobody answers here: both answers are on disk
        for instance_id in ("chair", "desk"):
            client.orchestration(instance_id).result(timeout=30)
        check_approval(client)
