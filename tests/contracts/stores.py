"""The stores that run the contract, and rows to write to them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import attrs

from perdure.storage.memory import MemoryStore
from perdure.storage.memory_disk import MemoryDisk
from perdure.storage.ports import Store
from perdure.storage.records import (
    Batch,
    MessageRow,
    OutcomeRow,
    QuarantineRow,
    StateRow,
    TurnRow,
)
from perdure.storage.sqlite import SqliteStore

CART = "@cart@é\"\\'"
LAMP = "@lamp@kitchen"
FAR = 2**62


class Place(Protocol):
    """Somewhere to open a store, again and again."""

    def open(self) -> Store: ...


@attrs.define
class MemoryPlace:
    disk: MemoryDisk = attrs.Factory(MemoryDisk)

    def open(self) -> Store:
        return MemoryStore.open(self.disk)


@attrs.define
class SqlitePlace:
    path: Path
    durability: str = "power"

    def open(self) -> Store:
        return SqliteStore.open(str(self.path), durability=self.durability)


def turn(stream: str, first: int, count: int = 1, *, time: int = 1) -> TurnRow:
    return TurnRow(stream, first, count, f"[{first}]".encode(), time)


def state(
    stream: str, version: int, *, expected: int, body: bytes | None = b"{}", time: int = 1
) -> StateRow:
    return StateRow(stream, version, body, time, expected)


def message(message_id: int, stream: str = CART, *, due: int = 0) -> MessageRow:
    return MessageRow(message_id, stream, due, f"body {message_id}".encode())


def outcome(request_id: str, *, expires: int = 100, body: bytes = b"done") -> OutcomeRow:
    return OutcomeRow(request_id, b"digest", body, expires)


def quarantined(message_id: int, stream: str = CART) -> QuarantineRow:
    return QuarantineRow(message_id, stream, f"body {message_id}".encode(), 3, "it fails", 1)


def step(number: int, stream: str, version: int, count: int = 1, *, time: int = 1) -> Batch:
    """A batch that brings *stream* to *version* with one turn of *count* events."""
    first = version - count + 1
    return Batch(
        number,
        turns=[turn(stream, first, count, time=time)],
        states=[state(stream, version, expected=first - 1, time=time)],
    )
