"""What clients wanted and what they were promised, in a file of its own, synced by line."""

from __future__ import annotations

import os
from pathlib import Path

import attrs


@attrs.frozen
class Intent:
    """Something that a client asked for.

    Attributes:
        life: of which process; each has one client, which is one sender.
        number: the how-manieth of that life.
        kind: ``signal``, ``call``, ``later`` or ``start``.
        key: of the entity that is meant; the orchestration's id is the intent's name.
        due_micros: not before that time; 0: at once.
    """

    life: int
    number: int
    kind: str
    key: str
    due_micros: int = 0

    @property
    def name(self) -> str:
        """The request's id, never used again."""
        return f"{self.life}.{self.number}"


@attrs.define
class Story:
    """All that a journal tells."""

    intents: dict[str, Intent] = attrs.Factory(dict[str, Intent])
    acknowledged: set[str] = attrs.Factory(set[str])
    repeated: set[str] = attrs.Factory(set[str])


class Journal:
    """Appends lines, each of which is on the disk before the next act."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC
        self._handle = os.open(path, flags, 0o600)

    def intend(self, intent: Intent) -> None:
        """*intent* is about to be asked for."""
        line = f"I {intent.life} {intent.number} {intent.kind} {intent.key} {intent.due_micros}"
        self._write(line)

    def acknowledge(self, name: str) -> None:
        """It was promised."""
        self._write(f"A {name}")

    def repeat(self, name: str) -> None:
        """It is about to be asked for again, under the same name, by another sender."""
        self._write(f"R {name}")

    def _write(self, line: str) -> None:
        os.write(self._handle, f"{line}\n".encode())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)


def read_journal(path: Path) -> Story:
    """What the journal at *path* tells; a line that was cut off by a kill tells nothing."""
    story = Story()
    if not path.exists():
        return story
    for line in path.read_text().split("\n")[:-1]:
        match line.split():
            case ["I", life, number, kind, key, due]:
                intent = Intent(int(life), int(number), kind, key, int(due))
                story.intents[intent.name] = intent
            case ["A", name]:
                story.acknowledged.add(name)
            case ["R", name]:
                story.repeated.add(name)
            case _:
                msg = f"the journal {path} has the line {line!r}"
                raise AssertionError(msg)
    return story
