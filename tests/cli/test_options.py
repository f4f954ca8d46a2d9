"""How times are read on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from perdure.cli.options import parse_time

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90s", datetime(2030, 1, 31, 12, 1, 30, tzinfo=UTC)),
        ("1.5h", datetime(2030, 1, 31, 13, 30, tzinfo=UTC)),
        ("-30d", datetime(2030, 1, 1, 12, 0, tzinfo=UTC)),
        ("2030-02-01", datetime(2030, 2, 1, tzinfo=UTC)),
        ("2030-02-01T12:00", datetime(2030, 2, 1, 12, 0, tzinfo=UTC)),
        ("2030-02-01T12:00:00Z", datetime(2030, 2, 1, 12, 0, tzinfo=UTC)),
        ("2030-02-01T12:00:00+02:00", datetime(2030, 2, 1, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_moment_in_utc_or_a_duration_from_now(text: str, time: datetime) -> None:
    assert parse_time(text, now=NOW) == time


@pytest.mark.parametrize("text", ["", "soon", "s", "nans", "infd", "9e99d", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="use a time as"):
        parse_time(text, now=NOW)
