"""The same seed gives the same run, byte for byte, in every process; failures shrink."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.testing import assert_survives
from perdure.testing.simulating.faults import FAULTS, Swarm
from perdure.testing.simulating.runs import run_seed, shrink
from tests.simulation.forgetful import forgetful
from tests.simulation.ledgers import ledgers

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import json
from perdure.testing.simulating.runs import run_seed
from tests.simulation.ledgers import ledgers
from tests.simulation.orchestrated import journeys
print(json.dumps([run_seed(s, n).digest for s in (ledgers, journeys) for n in range(9, 15)]))
"""


def digests(hash_seed: str) -> list[str]:
    """Of some runs in a process of its own, among them some on SQLite."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(300)
def test_the_same_seed_gives_the_same_trace_whatever_the_hash_seed() -> None:
    first = digests("1")

    assert first == digests("4711")
    assert len(set(first)) == len(first)


def test_a_tenth_of_the_seeds_runs_on_sqlite() -> None:
    on_sqlite = [seed for seed in range(1_000) if Swarm(seed).has("sqlite")]

    assert 70 <= len(on_sqlite) <= 130
    assert "sqlite" in run_seed(ledgers, on_sqlite[0]).faults


@pytest.mark.timeout(300)
def test_each_fault_happens_within_sixty_seeds() -> None:
    happened = {
        name for seed in range(60) for name in run_seed(ledgers, seed, steps=300).faults
    }
    activities = {name for name in FAULTS if name.startswith("activity-")}

    assert set(FAULTS) - happened <= activities


def test_a_failure_is_told_with_the_least_faults_and_the_line_that_shows_it_again() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_survives(forgetful, seeds=20)

    text = str(caught.value)
    line = next(line for line in text.splitlines() if line.startswith("perdure simulate"))
    assert "tests.simulation.forgetful:forgetful --first-seed" in line
    assert len(line.rpartition("--faults ")[2].split(",")) == 1


def test_a_shrunk_failure_fails_again_with_what_is_left() -> None:
    failed = next(run for seed in range(20) if (run := run_seed(forgetful, seed)).error)

    least = shrink(forgetful, failed)

    again = run_seed(forgetful, failed.seed, only=least.faults)
    assert again.error == least.error
    assert again.digest == least.digest
    assert len(least.faults) < len(failed.faults)
