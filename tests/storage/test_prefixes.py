from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.storage.prefixes import end_of_prefix

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("", None),
        ("\U0010ffff", None),
        ("@counter@", "@counterA"),
        ("a\U0010ffff", "b"),
        ("a\ud7ff", "a\ue000"),
    ],
)
def test_the_end_is_the_next_string_that_does_not_start_so(
    prefix: str, end: str | None
) -> None:
    assert end_of_prefix(prefix) == end


@given(prefix=TEXT, text=TEXT)
def test_a_string_is_in_the_range_exactly_if_it_starts_with_the_prefix(
    prefix: str, text: str
) -> None:
    end = end_of_prefix(prefix)

    for candidate in (text, prefix + text):
        inside = candidate >= prefix and (end is None or candidate < end)
        assert inside == candidate.startswith(prefix)
