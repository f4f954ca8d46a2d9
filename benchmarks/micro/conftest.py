"""Each piece of the hot path as a ratio to a loop that calibrates the machine meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 1.6
"""How many times the committed ratio a piece may take, before the run says so."""


def calibration() -> int:
    """Work of the interpreter alone: calls, a dictionary, small objects."""
    seen: dict[int, list[int]] = {}
    for number in range(300):
        seen.setdefault(number % 17, []).append(number)
    return sum(len(numbers) for numbers in seen.values())


def seconds_of_calibration() -> float:
    """The fastest of some hundred times."""
    taken: list[float] = []
    for _ in range(300):
        begun = time.perf_counter()
        calibration()
        taken.append(time.perf_counter() - begun)
    return min(taken)


@pytest.fixture(scope="session")
def ratios(request: pytest.FixtureRequest) -> Iterator[dict[str, float]]:
    """The ratios of this run; written as the new baseline with ``--write-baseline``."""
    found: dict[str, float] = {}
    yield found
    if request.config.getoption("--write-baseline"):
        text = json.dumps(dict(sorted(found.items())), indent=2)
        BASELINE.write_text(text + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--write-baseline``."""
    parser.addoption("--write-baseline", action="store_true", help="keep this run's ratios")


@pytest.fixture
def judged(request: pytest.FixtureRequest, ratios: dict[str, float]) -> Callable[[float], None]:
    """Compare a piece with the committed ratio, unless a new one is written."""
    before = seconds_of_calibration()

    def judge(seconds: float) -> None:
        name = request.node.name
        ratio = seconds / min(before, seconds_of_calibration())
        ratios[name] = round(ratio, 3)
        if request.config.getoption("--write-baseline"):
            return
        known = json.loads(BASELINE.read_text(encoding="utf-8"))[name]
        assert ratio <= known * TOLERANCE, f"{ratio:.2f} x the calibration, was {known} x"

    return judge
