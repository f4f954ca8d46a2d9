"""Whether the versions of one stream hang together: its base, its turns and its state row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perdure.storage.records import Damage


def find_gaps(
    stream: str,
    *,
    base_version: int,
    spans: Iterable[tuple[int, int]],
    state_version: int | None,
) -> Iterator[Damage]:
    """Tell what is wrong with the versions of one stream.

    Turns that end at or before the base are left over from a purge that is not done, so a
    gap before or among them is no damage.

    Args:
        stream: the stream's address.
        base_version: where its history begins; 0 when nothing was purged.
        spans: (first version, count) of its turns, oldest first.
        state_version: the version of its state row; ``None`` when it has none.
    """
    last = base_version
    for first, count in spans:
        end = first + count - 1
        if end <= base_version:
            continue
        if first > last + 1:
            yield Damage(stream, f"versions {last + 1} to {first - 1} are missing")
        elif first <= last and last > base_version:
            yield Damage(stream, f"version {first} is stored twice")
        last = max(last, end)
    if state_version is not None and state_version != last:
        yield Damage(
            stream, f"its state is at version {state_version}, its events end at {last}"
        )
