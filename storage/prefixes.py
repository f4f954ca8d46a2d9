"""The range of strings that start with a prefix, in code point (and so UTF-8 byte) order."""

from __future__ import annotations

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def end_of_prefix(prefix: str) -> str | None:
    """The least string beyond all that start with *prefix*; ``None``: there is none.

    >>> end_of_prefix("@counter@")
    '@counterA'
    """
    kept = prefix.rstrip(chr(_LAST))
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
