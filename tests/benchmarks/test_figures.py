"""Bars, verdicts, medians."""

from __future__ import annotations

import pytest

from perdure.benchmarks.report.figures import Bar, Figure, Turn, Verdict, percentile


def figure(*turns: Turn, bar: Bar | None = None) -> Figure:
    return Figure(
        name="calls", title="calls", against="ask", unit="/s", bar=bar, turns=tuple(turns)
    )


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.24, Verdict.FAIL), (0.25, Verdict.PASS), (0.49, Verdict.PASS), (0.5, Verdict.AIM)],
)
def test_a_ratio_is_judged_by_its_bar_and_its_aim(value: float, verdict: Verdict) -> None:
    bar = Bar(limit=0.25, aim=0.5)

    assert bar.verdict(value) is verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(1.5, Verdict.AIM), (2.5, Verdict.PASS), (2.6, Verdict.FAIL)],
)
def test_less_is_better_where_the_bar_is_an_upper_one(value: float, verdict: Verdict) -> None:
    bar = Bar(limit=2.5, at_most=True, aim=1.5)

    assert bar.verdict(value) is verdict


def test_a_figure_is_the_median_of_its_turns_ratios() -> None:
    measured = figure(Turn(50, 100), Turn(90, 100), Turn(10, 1000))

    assert measured.value == 0.5
    assert measured.subject == 50
    assert measured.reference == 100


def test_a_measurement_without_reference_is_its_own_value() -> None:
    measured = figure(Turn(3.0), Turn(1.0), Turn(2.0))

    assert measured.value == 2.0
    assert measured.reference is None


def test_a_figure_without_a_bar_is_only_shown() -> None:
    assert figure(Turn(1.0)).verdict is Verdict.SHOWN


@pytest.mark.parametrize(("percent", "found"), [(50, 50), (99, 99), (100, 100), (0.5, 1)])
def test_a_percentile_is_one_of_the_values(percent: float, found: int) -> None:
    assert percentile(range(100, 0, -1), percent) == found
