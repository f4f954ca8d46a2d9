"""Bytes that are nearly right: what a damaged store, or somebody outside, may bring."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    *(b"null", b"-1", b"1e999", b"18446744073709551616", b'"\\ud800"', b"{}", b"[[", b"\xff"),
    *(b"\x00", b"NaN", b'"', b",", b'{"a":', b"\xed\xa0\x80", b"9" * 5000, b"[" * 5000),
]


@st.composite
def damaged(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """One of the good ones, cut, with other bytes put in or in place of some; or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=64))
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(data)))
        last = draw(st.integers(first, min(len(data), first + 12)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=3))
        data = data[:first] + piece + data[last:]
    return data


def deep(opening: bytes, closing: bytes, levels: int = 200_000) -> bytes:
    """More nesting than any stack takes."""
    return opening * levels + b"1" + closing * levels
