"""Critical sections: which entities an orchestration has for itself, and what it may do."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from perdure.actors.ids import EntityId
from perdure.errors import CriticalSectionError
from perdure.orchestration.history import EntityUnlockSent


@attrs.define(eq=False)
class Section:
    """One critical section, from the first request to the release.

    Attributes:
        id: names it among all sections.
        entities: addresses in the order in which they are locked.
        transaction: what is done inside is undone unless it ends well.
        granted: how many are locked.
        asked: the task that waits for the next lock.
        calls: entities with a call that has not been answered.
    """

    id: str
    entities: tuple[str, ...]
    transaction: bool
    granted: int = 0
    asked: int = 0
    calls: set[str] = attrs.Factory(set[str])

    @property
    def is_complete(self) -> bool:
        """Whether all of them are locked."""
        return self.granted == len(self.entities)

    def check_call(self, entity: str) -> None:
        """Raise unless *entity* may be called inside it."""
        if entity not in self.entities:
            msg = (
                f"{entity} is not locked; inside a critical section call only what it locks: "
                f"{', '.join(self.entities)}"
            )
            raise CriticalSectionError(msg)
        if entity in self.calls:
            msg = f"{entity} has not answered the last call; await that first"
            raise CriticalSectionError(msg)

    def check_signal(self, entity: str) -> None:
        """Raise when *entity* may not be signalled inside it."""
        if entity in self.entities:
            msg = f"{entity} is locked by this critical section; call it instead of signalling"
            raise CriticalSectionError(msg)

    def release(self, *, undo: bool) -> list[EntityUnlockSent]:
        """What lets go of all that are locked."""
        return [
            EntityUnlockSent(entity=entity, section=self.id, undo=undo)
            for entity in self.entities[: self.granted]
        ]


def in_order(entities: Sequence[EntityId]) -> tuple[str, ...]:
    """The addresses of *entities* in the one order in which everybody locks, each once."""
    return tuple(sorted({str(entity) for entity in entities}))
