"""Which calls that were set aside may be sent again: none of a critical section that is over.

Inside its section a call is the section's: it is undone with it, and nobody comes between. Sent
again after that it would be an ordinary call, and half of a transaction.
"""

from __future__ import annotations

from typing import NoReturn

from perdure.actors.ids import is_entity
from perdure.actors.messages import Message
from perdure.errors import WrongStatusError
from perdure.orchestration.effects import task_of
from perdure.orchestration.history import (
    EntityLockGranted,
    EntityOperationCalled,
    EntityUnlockSent,
)
from perdure.orchestration.reading import events_of, find_state
from perdure.storage.ports import Reader


def check_redrive(reader: Reader, message: Message) -> None:
    """Raise when *message* is a call from a section that is over, or may be one.

    Raises:
        WrongStatusError: it can only be discarded.
    """
    caller = message.caller
    if not message.answered or not caller or is_entity(caller) or not is_entity(message.target):
        return
    called = f"{message.target} {message.operation} was called by {caller!r}"
    state = find_state(reader, caller)
    generation, task = task_of(message.request_id)
    if state is None or state.generation != generation:
        _refuse(f"{called}, whose history is gone: perhaps in a transaction, which is over")
    is_locked = is_inside = False
    for event in events_of(reader, caller, state):
        match event:
            case EntityLockGranted() if event.entity == message.target:
                is_locked = True
            case EntityOperationCalled() if event.id == task:
                is_inside = is_locked
            case EntityUnlockSent() if event.entity == message.target:
                if is_inside:
                    _refuse(f"{called} in a critical section, which is over")
                is_locked = False
            case _:
                pass


def _refuse(reason: str) -> NoReturn:
    msg = f"{reason}; discard it, and do by hand what is still wanted"
    raise WrongStatusError(msg)
