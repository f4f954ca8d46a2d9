"""Where a write-ahead log cannot be read, though it goes on behind. Pure, over its bytes.

SQLite takes a log to end at the first frame that does not check, and says nothing. After the
end of a process that is right: frames are written one after the other, and the last may be
incomplete. But when there are readable commits of the same log behind it, then something else
has happened: damage, or a power cut that kept what was written later and lost what was written
before.

The log's format is told in https://www.sqlite.org/fileformat2.html#walformat. A frame's
checksum goes on from that of the frame before, so each can be checked by what is stored in the
one before it. It is linear in the words of the frame, and so many frames are checked at once:
by the checksum of their weighted sum, in which a Python number holds a whole frame.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from functools import cache
from operator import mul
from typing import Literal, Protocol

import attrs

_MAGIC = 0x377F0682
"""Of a log whose checksums read words as little-endian; one more: as big-endian."""
_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_SUMS = struct.Struct(">2I")
_PAGE_BYTES = 4_096
"""Of every store."""
_BLOCK_BYTES = 1 << 20
_STRANGE_BLOCKS = 4
"""After so many MiB without a frame of the log, all that follows is taken to be older."""
_WORD = 0xFFFFFFFF

Order = Literal["little", "big"]
Sums = tuple[int, int]
"""The two halves of a checksum."""


class Source(Protocol):
    """The bytes of a log, from its beginning."""

    def readinto(self, buffer: bytearray, /) -> int | None:
        """Fill *buffer* as far as there are bytes; how many came."""


@attrs.frozen
class Breach:
    """A frame that cannot be read, and commits behind it, or in it.

    Attributes:
        salts: name the log among those that are kept in one file one after the other.
        frame: the first that cannot be read, from 1; 0 for the log's header.
        frames: those of the same log from there on; SQLite drops them.
        commits: how many commits end in them, as far as that can still be told.
    """

    salts: str
    frame: int
    frames: int
    commits: int

    @property
    def is_torn_end(self) -> bool:
        """The last frame alone was not written in full: a process has ended there."""
        return self.frame > 0 and self.frames == 1

    @property
    def is_loss(self) -> bool:
        """More is gone than the one commit that a power cut may interrupt.

        That one was not acknowledged, as each is synced before it is; with the durability
        ``process`` a power cut may take others with it, which were.
        """
        return self.frame == 0 or self.commits > 1


@attrs.frozen
class Form:
    """How the frames of one log are written.

    Attributes:
        size: of a frame with its header, in bytes.
        order: how checksums read words.
        salts: the eight bytes that each frame of it has.
    """

    size: int
    order: Order
    salts: bytes


def find_breach(log: Source) -> Breach | None:
    """The first frame that cannot be read, if there are commits behind it, or in it."""
    head = bytearray(_HEADER.size)
    if log.readinto(head) != len(head):
        return None
    magic, _, page, *_, one, two = _HEADER.unpack(head)
    order: Order = "little" if magic == _MAGIC else "big"
    before = _direct(memoryview(head)[:24], order)
    if magic & ~1 != _MAGIC or before != (one, two):
        return _all_of_it(log)
    form = Form(_FRAME.size + page, order, bytes(head[16:24]))
    place = bad = frames = commits = strange = 0
    for block in _blocks(log, form.size):
        starts = _starts(block, form)
        strange = 0 if starts else strange + 1
        if strange == _STRANGE_BLOCKS:
            break
        if not bad:
            good, before = _readable(block, starts, form, before)
            if good * form.size < len(block):
                bad = place + good + 1
            starts = starts[good:]
        place += len(block) // form.size
        frames += len(starts)
        commits += _commits(block, starts)
    return _breach(form.salts, bad, frames, commits)


def _breach(salts: bytes, bad: int, frames: int, commits: int) -> Breach | None:
    return Breach(salts.hex(), bad, frames, commits) if commits else None


def _all_of_it(log: Source) -> Breach | None:
    """The header cannot be read, and so SQLite reads nothing at all."""
    size = _FRAME.size + _PAGE_BYTES
    content = b"".join(bytes(block) for block in _blocks(log, size))
    block = memoryview(content)
    often = Counter(content[start + 8 : start + 16] for start in range(0, len(content), size))
    if not often:
        return None
    salts = max(often, key=lambda name: (often[name] > 1, name))  # the newest counts highest
    starts = _starts(block, Form(size, "little", salts))
    return _breach(salts, 0, len(starts), _commits(block, starts))


def _blocks(log: Source, size: int) -> Iterator[memoryview]:
    """Whole frames of *size* bytes, many at once; each block takes the place of the last."""
    block = bytearray(max(1, _BLOCK_BYTES // size) * size)
    while count := log.readinto(block):
        yield memoryview(block)[: count - count % size]


def _starts(block: memoryview, form: Form) -> list[int]:
    """Where the frames of this log are in a block; behind it there are those of older ones."""
    salts = form.salts
    places = range(0, len(block), form.size)
    return [start for start in places if block[start + 8 : start + 16].tobytes() == salts]


def _commits(block: memoryview, starts: list[int]) -> int:
    """How many of the frames end a transaction: they tell the file's size in pages."""
    return sum(any(block[start + 4 : start + 8]) for start in starts)


def _readable(
    block: memoryview, starts: list[int], form: Form, before: Sums
) -> tuple[int, Sums]:
    """How many frames at a block's beginning check, each by the one before; the last's sums."""
    size = form.size
    count = next((n for n, start in enumerate(starts) if start != n * size), len(starts))
    sums = [before, *(_SUMS.unpack_from(block, start + 16) for start in starts[:count])]
    frames = [block[start : start + size] for start in starts[:count]]
    if not _checks(frames, sums, form):
        alone = (_checks([frame], sums[n : n + 2], form) for n, frame in enumerate(frames))
        count = next((n for n, checks in enumerate(alone) if not checks), count)
    return count, sums[count]


def _checks(frames: list[memoryview], sums: list[Sums], form: Form) -> bool:
    """Whether all frames have the checksums that are stored with them.

    Words are added in 64 bits each. Weights are odd, so that no wrong frame counts as right.
    """
    mask = int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * (form.size // 8), "little")
    whole = low = 0
    wanted = [0, 0]
    *factors, starts = _factors(form.size // 4)
    for place, (frame, before, after) in enumerate(zip(frames, sums, sums[1:], strict=False)):
        weight = 2 * place + 1
        number = int.from_bytes(frame, form.order)
        whole += number * weight
        low += (number & mask) * weight
        for half, (first, second) in enumerate(starts):
            wanted[half] += weight * (after[half] - first * before[0] - second * before[1])
    words = _lanes(low, (whole - low) >> 32, form)
    return all(
        (sum(map(mul, words, each)) - wanted[half]) & _WORD == 0
        for half, each in enumerate(factors)
    )


def _lanes(low: int, high: int, form: Form) -> list[int]:
    """The summed words, in the order of the file."""
    size, order = form.size, form.order
    unpack = struct.Struct(f"{'<' if order == 'little' else '>'}{size // 8}Q").unpack
    evens, odds = (unpack(half.to_bytes(size, order)) for half in (low, high))
    if order == "big":
        evens, odds = odds, evens
    return [word for pair in zip(evens, odds, strict=True) for word in pair]


@cache
def _factors(words: int) -> tuple[list[int], list[int], tuple[Sums, Sums]]:
    """What each word of a frame adds to the two halves of its checksum, and what the last does.

    Each pair of words x, y makes (a, b) to (a + b + x, a + 2 b + x + y). The salts and the
    checksum, which are words 2 to 5, are not in it.
    """
    halves: list[list[int]] = []
    starts: list[Sums] = []
    for first, second in ((1, 0), (0, 1)):
        factors = [0] * words
        for place in (*range(words - 2, 4, -2), 0):
            factors[place] = (first + second) & _WORD
            factors[place + 1] = second
            first, second = (first + second) & _WORD, (first + 2 * second) & _WORD
        halves.append(factors)
        starts.append((first, second))
    return halves[0], halves[1], (starts[0], starts[1])


def _direct(data: memoryview, order: Order) -> Sums:
    one = two = 0
    for x, y in struct.iter_unpack("<2I" if order == "little" else ">2I", data):
        one = (one + two + x) & _WORD
        two = (two + one + y) & _WORD
    return one, two
