"""Every row runs, on tiny sizes, and its operations are all there. No time is judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.benchmarks.bench import Bench
from perdure.benchmarks.rows import Row
from perdure.benchmarks.workloads import ROWS


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.beside(tmp_path, scale=0.005, full=False) as bench:
        yield bench


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_takes_a_turn(row: Row, bench: Bench) -> None:
    turn = row.measure(bench)

    assert turn.subject >= 0
    assert turn.value >= 0


def test_names_of_rows_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
