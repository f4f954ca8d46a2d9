"""Failing calls, full disks and damage, a few of each; ``make torture`` has thousands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.torture.corruption import spoil_many

ROOT = Path(__file__).resolve().parents[2]


def run(module: str, *arguments: str) -> str:
    """Run one of the tortures in a process of its own; returns its last line."""
    command = [sys.executable, "-m", f"tests.torture.{module}", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.splitlines()[-1]


def test_failing_calls_lose_nothing_and_heal_while_the_store_is_open() -> None:
    told = run("io_errors", "--step", "150", "--seed", "1")

    assert "nothing acknowledged lost" in told
    assert "opened again after damage was told 0 times" in told


def test_a_small_disk_that_runs_full_heals_without_a_restart() -> None:
    told = run("full_tmpfs", "--mib", "2")

    assert "healed while open" in told or "mounting is not allowed" in told


def test_damage_is_told_or_harmless_and_never_wrong_data() -> None:
    results, wrong = spoil_many(seed=1, count=30)

    assert wrong == []
    assert results.total() == 30
    assert {"told", "harmless"} <= {word for _, word in results}
