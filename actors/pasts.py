"""The turns that actors were made of, read for many at once.

After a restart thousands of orchestrations are activated together, and each asks for its own
few turns: one look at the store for all of them takes a third of the time of one for each.
"""

from __future__ import annotations

from collections.abc import Iterator

from perdure.actors.ids import kind_of
from perdure.actors.streams import turns_of
from perdure.errors import CorruptionError
from perdure.storage.ports import Reader
from perdure.storage.records import StoredTurn

SHORT = 20
"""Events of a past that is read together with others."""

TOGETHER = 1_000
READ_BYTES = 16 * 1024 * 1024
"""Pasts read, and kept until they are asked for, at once; and the room that they take."""


class Pasts:
    """Gives the durable turns of actors, and reads ahead for those just activated.

    What was read ahead counts only while the actor has the version that it was activated with.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._to_read: dict[str, int] = {}
        self._read: dict[str, tuple[int, list[StoredTurn]]] = {}

    def expect(self, address: str, version: int) -> None:
        """An actor was activated at *version*: it may ask for its turns."""
        self._read.pop(address, None)
        if not 0 < version <= SHORT:
            self._to_read.pop(address, None)
            return
        if len(self._to_read) >= TOGETHER:
            self._to_read.clear()  # they do not ask
        self._to_read[address] = version

    def forget(self, address: str) -> None:
        """The actor is active no more."""
        self._to_read.pop(address, None)
        self._read.pop(address, None)

    def turns(self, address: str, version: int, after_version: int) -> Iterator[StoredTurn]:
        """The turns beyond *after_version* of an actor that is at *version*, oldest first."""
        if self._to_read.get(address) == version:
            self._read_ahead(kind_of(address))
        held, turns = self._read.pop(address, (0, []))
        if held != version or not turns:
            return turns_of(self._reader, address, after_version)
        return (turn for turn in turns if turn.first_version + turn.count - 1 > after_version)

    def _read_ahead(self, kind: str) -> None:
        """Read the pasts of all that were activated lately and are of one kind."""
        expected = self._to_read.copy()  # a turn that lost the baton may ask meanwhile
        wanted = {name: at for name, at in expected.items() if kind_of(name) == kind}
        for name in wanted:
            self._to_read.pop(name, None)
        try:
            found = self._reader.pasts(list(wanted), most_bytes=READ_BYTES)
        except CorruptionError:
            return  # who it is of finds it
        if len(self._read) >= TOGETHER:
            self._read.clear()
        self._read.update((name, (wanted[name], turns)) for name, turns in found.items())
