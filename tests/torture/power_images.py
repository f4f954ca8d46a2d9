"""The files as they may be after a power cut: what was not synced is there, or partly.

A disk may keep any of the sectors that it was given since the last sync of a file, in any
order, whatever was given later. So an image takes what is synced, and of the rest what a choice
says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import attrs

from tests.torture.recorded_disk import Begin, Cut, Done, Remove, Step, Sync, Write

SECTOR = 512

Files = dict[str, bytes]


@attrs.define
class Held:
    """One file: what is on the disk for sure, and what was given since."""

    synced: bytearray = attrs.Factory(bytearray)
    given: list[Write | Cut] = attrs.Factory(list[Write | Cut])
    was: bytes | None = None
    """What was in the file of this name that was removed, if that is not sure yet."""

    def sync(self) -> None:
        """All is on the disk."""
        for step in self.given:
            apply(self.synced, step)
        self.given.clear()
        self.was = None


def apply(content: bytearray, step: Write | Cut) -> None:
    """Do one step on a file's content."""
    match step:
        case Write(offset=offset, data=data):
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        case Cut(size=size):
            del content[size:]
            content.extend(bytes(size - len(content)))


def in_sectors(step: Write | Cut) -> Iterator[Write | Cut]:
    """The parts of a step that reach the disk each by itself."""
    if isinstance(step, Cut):
        yield step
        return
    start, end = step.offset, step.offset + len(step.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        part = step.data[start - step.offset : stop - step.offset]
        yield Write(step.file, start, part)
        start = stop


Choice = Callable[[list[Write | Cut], random.Random], Iterator[Write | Cut]]
"""Which of the steps since the last sync are on the disk, in parts or whole."""


def none(_given: list[Write | Cut], _chance: random.Random) -> Iterator[Write | Cut]:
    yield from ()


def everything(given: list[Write | Cut], _chance: random.Random) -> Iterator[Write | Cut]:
    yield from given


def some_steps(given: list[Write | Cut], chance: random.Random) -> Iterator[Write | Cut]:
    share = chance.choice((0.1, 0.5, 0.9))
    yield from (step for step in given if chance.random() < share)


def some_sectors(given: list[Write | Cut], chance: random.Random) -> Iterator[Write | Cut]:
    share = chance.choice((0.1, 0.5, 0.9, 0.99))
    for step in given:
        yield from (part for part in in_sectors(step) if chance.random() < share)


def last_torn(given: list[Write | Cut], chance: random.Random) -> Iterator[Write | Cut]:
    yield from given[:-1]
    for step in given[-1:]:
        parts = list(in_sectors(step))
        yield from parts[: chance.randrange(len(parts) + 1)]


def all_but_one(given: list[Write | Cut], chance: random.Random) -> Iterator[Write | Cut]:
    parts = [part for step in given for part in in_sectors(step)]
    if parts:
        del parts[chance.randrange(len(parts))]
    yield from parts


def newest_only(given: list[Write | Cut], chance: random.Random) -> Iterator[Write | Cut]:
    yield from given[-chance.randint(1, 3) :]


CHOICES: tuple[Choice, ...] = (
    none,
    everything,
    last_torn,
    all_but_one,
    newest_only,
    some_steps,
    some_sectors,
    some_sectors,
)


@attrs.frozen
class Point:
    """A power cut: after which step, what the disk holds then, and what it must say.

    Attributes:
        at: the number of steps that were taken.
        files: the image.
        least: how many transactions were acknowledged.
        most: how many may be there.
    """

    at: int
    files: Files
    least: int
    most: int


def images(held: dict[str, Held], chance: random.Random) -> Iterator[Files]:
    """One image for each choice; each file draws by itself."""
    for choice in CHOICES:
        files: Files = {}
        for name, file in held.items():
            if file.was is not None and chance.random() < 0.5:
                files[name] = file.was  # its removal is not on the disk yet
                continue
            if not file.synced and not file.given:
                continue
            content = bytearray(file.synced)
            for step in choice(file.given, chance):
                apply(content, step)
            files[name] = bytes(content)
        yield files


def _sync_folder(held: dict[str, Held]) -> None:
    """SQLite syncs the folder with the first sync of a log or journal that it has created, so
    that what was removed before does not come back.
    """
    for file in held.values():
        file.was = None


def cuts(
    steps: list[Step], chance: random.Random, *, part: int = 0, parts: int = 1
) -> Iterator[Point]:
    """A power cut after each step that touches a file, in several images each.

    Of *parts* that share the steps, *part* is meant.
    """
    held: dict[str, Held] = {}
    created: set[str] = set()
    done = 0
    may_be_done = 0
    for at, step in enumerate(steps, 1):
        match step:
            case Begin():
                may_be_done = done + 1
            case Done():
                done += 1
                may_be_done = done
            case Sync(file=name):
                held.setdefault(name, Held()).sync()
                if name not in created:
                    created.add(name)
                    _sync_folder(held)
            case Remove(file=name):
                before = held.pop(name, Held())
                created.discard(name)
                held[name] = Held(was=bytes(before.synced))
            case Write(file=name) | Cut(file=name):
                held.setdefault(name, Held()).given.append(step)
        if at % parts == part and not isinstance(step, Begin | Done):
            for files in images(held, chance):
                yield Point(at, files, done, may_be_done)
