"""What a terminal shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure.cli import output

IDS = [f"@account@customer-{number:06}-of-the-north" for number in (1, 2)]
HEADINGS = ("entity", "version", "modified", "waiting", "state")
STATE = '{"balance":1000000,"notes":["one","two","three"],"owner":"anna"}'

Show = Callable[..., list[str]]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Prints a table on a terminal of some columns; returns its lines."""
    monkeypatch.setattr(output, "is_terminal", lambda: True)

    def show(columns: int, *rows: tuple[object, ...], wide: int = -1) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        output.print_table(HEADINGS, rows, wide=wide)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return show


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
def test_ids_and_times_are_never_broken(show: Show, columns: int) -> None:
    rows = [(each, 12, "2026-11-24 07:05:50.507Z", 3, STATE) for each in IDS]

    lines = show(columns, *rows)

    for each in IDS:
        assert [line for line in lines if line.startswith(each)]
    assert len([line for line in lines if "2026-11-24 07:05:50.507Z" in line]) == 2


def test_a_table_that_fits_has_one_heading_and_folds_one_column(show: Show) -> None:
    lines = show(80, ("@a@b", 1, "2026-11-24", "", STATE))

    assert lines[0].split() == ["entity", "version", "modified", "state"]
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) > 2


def test_another_column_can_be_the_one_that_folds(show: Show) -> None:
    request_id = "the-whole-of-a-request-id-that-somebody-has-chosen"

    lines = show(100, ("@a@b", 1, STATE, "", request_id), wide=2)

    assert lines[0].startswith("entity")
    assert any(request_id in line for line in lines)
