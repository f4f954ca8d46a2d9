"""Locks: for a while an entity belongs to a section of another actor, its holder.

The holder asks with ``$lock`` and gives back with ``$unlock``; in between the gate lets in only
its messages, and all others wait in order. A lock is no event: it is a line of JSON, marked
with ``#``, in front of the stored state, so an entity that is free is stored as ever.

In a *transaction* the line also holds back what the operations inside recorded and sent, and
the state they led to. The state behind the line is what readers see: inside a transaction it is
the one from before. All is done with stored bytes, so that a lock can be given back although
the state does not fit the class any more.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.actors.behavior import Gate, Outcome, Step
from perdure.actors.context import OPERATION_BYTES, OPERATION_ITEMS, OperationScope
from perdure.actors.directory import Directory
from perdure.actors.failures import describe_failure
from perdure.actors.messages import ALONE, Message, from_row, to_row
from perdure.errors import (
    CorruptionError,
    DecodingError,
    NotAllowedHereError,
    PayloadTooLargeError,
    PerdureError,
    QuarantinedError,
    UnknownOperationError,
)
from perdure.storage.records import MessageRow

LOCK = "$lock"
UNLOCK = "$unlock"

_MARK = b"#"
_NOTHING = msgspec.Raw()


class LockRequest(msgspec.Struct, omit_defaults=True):
    """The input of ``$lock``.

    Attributes:
        section: names the section; no other one of any holder has the name.
        transaction: what happens inside can be undone.
    """

    section: str
    transaction: bool = False


class Locked(msgspec.Struct):
    """The result of ``$lock``: the section that has the entity from now on."""

    locked: str


class Release(msgspec.Struct, omit_defaults=True):
    """The input of ``$unlock``, which does nothing unless that section has the entity.

    Attributes:
        section: the one that ends.
        undo: drop what happened in its transaction.
    """

    section: str
    undo: bool = False


class HeldEffect(msgspec.Struct, array_like=True):
    """A message that waits for the end of a transaction, in the form in which it is stored."""

    target: str
    due_micros: int
    body: msgspec.Raw


class Held(msgspec.Struct, omit_defaults=True):
    """What a transaction holds back. New fields need defaults; none is ever removed.

    Attributes:
        events: those recorded so far, in order.
        effects: the messages sent so far, in order.
        state: what the events led to; nothing at all when there is no state.
        size: the bytes of events and effects.
    """

    events: list[msgspec.Raw] = []
    effects: list[HeldEffect] = []
    state: msgspec.Raw = _NOTHING
    size: int = 0

    def add(self, outcome: Outcome) -> None:
        """Hold back what an operation came to.

        Raises:
            PayloadTooLargeError: the transaction is too large with it; nothing was added.
        """
        effects = [_held_effect(effect) for effect in outcome.effects]
        size = self.size + sum(map(len, outcome.events))
        size += sum(len(effect.body) for effect in effects)
        items = len(self.events) + len(self.effects) + len(outcome.events) + len(effects)
        if items > OPERATION_ITEMS or size > OPERATION_BYTES:
            msg = (
                f"the transaction records or sends more than {OPERATION_ITEMS} items or "
                f"{OPERATION_BYTES} bytes at one entity; do it in several transactions"
            )
            raise PayloadTooLargeError(msg)
        self.events += map(msgspec.Raw, outcome.events)
        self.effects += effects
        self.size = size

    def tentative(self) -> bytes | None:
        """The state that the events led to, as JSON."""
        return bytes(self.state) or None

    def released(self) -> Outcome:
        """All of it, as what the end of the transaction comes to."""
        return Outcome(
            events=tuple(map(bytes, self.events)),
            effects=tuple(map(_effect, self.effects)),
            touched=True,
        )


class Lock(msgspec.Struct, omit_defaults=True):
    """The line in front of a locked entity's state. New fields need defaults.

    Attributes:
        section: which section has the entity.
        holder: the address of the actor whose section it is.
        held: in a transaction, what it holds back.
    """

    section: str
    holder: str
    held: Held | None = None

    def admits(self, message: Message) -> bool:
        """Whether *message* is the holder's."""
        return message.caller == self.holder


def _held_effect(message: Message) -> HeldEffect:
    row = to_row(message)
    return HeldEffect(row.stream, row.due_micros, msgspec.Raw(row.body))


def _effect(held: HeldEffect) -> Message:
    return from_row(MessageRow(0, held.target, held.due_micros, bytes(held.body)))


# ---- the stored form ------------------------------------------------------------------------

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Lock).decode


def with_lock(lock: Lock, shown: bytes | None) -> bytes:
    """What is stored of a locked entity whose readers see *shown*."""
    line = _encode(lock).replace(b"\n", b" ")  # only white space: JSON strings have none
    return b"%b%b\n%b" % (_MARK, line, shown or b"")


def is_locked(stored: bytes | None) -> bool:
    """Whether what is stored begins with a lock."""
    return stored is not None and stored.startswith(_MARK)


def shown_state(stored: bytes | None) -> bytes | None:
    """The state that readers see, as JSON; ``None`` when there is none."""
    if stored is None or not stored.startswith(_MARK):
        return stored
    return stored.partition(b"\n")[2] or None


def lock_of(stored: bytes | None) -> Lock | None:
    """The lock in front of a stored state; ``None`` for an entity that is free.

    Raises:
        CorruptionError: it is not as this package wrote it.
    """
    if stored is None or not stored.startswith(_MARK):
        return None
    try:
        return _decode(stored.partition(b"\n")[0][1:])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"the lock in front of a stored state cannot be read: {error}"
        raise CorruptionError(msg) from error


# ---- the instance ---------------------------------------------------------------------------


class _LockScope(OperationScope):
    """One ``$lock`` or ``$unlock``."""

    __slots__ = ("asked",)
    asked: LockRequest | Release


_INPUTS: dict[str, Any] = {
    LOCK: msgspec.json.Decoder(LockRequest).decode,
    UNLOCK: msgspec.json.Decoder(Release).decode,
}


def _nothing() -> None:
    """Do nothing: locks have no code of users."""


class Lockable:
    """What the instances of entities have in common, whatever their style: the lock.

    Attributes:
        gate: lets in the holder's messages only; ``None`` while the entity is free.
        lock: the section that has the entity.
        before: in a transaction, the state that readers see.
    """

    __slots__ = ("before", "gate", "lock")

    def __init__(self, stored: bytes | None) -> None:
        self.gate: Gate | None = None
        self.lock: Lock | None = None
        self.before: bytes | None = None
        if stored is None or not stored.startswith(_MARK):
            self.load(stored)
            return
        lock = lock_of(stored)
        shown = shown_state(stored)
        self.load(shown)
        if lock is not None:
            self._take(lock, shown)
            if lock.held is not None and lock.held.events:
                self.load(lock.held.tentative())

    def load(self, state: bytes | None) -> None:
        """Be the entity with *state*, as JSON.

        Raises:
            DecodingError: it does not fit the class.
        """
        raise NotImplementedError

    def present(self) -> bytes | None:
        """The state as JSON, with all that operations inside a transaction did."""
        raise NotImplementedError

    def prepare_own(self, message: Message, now_micros: int) -> Step:
        """Make one of the engine's own operations ready, whose names begin with ``$``.

        Raises:
            UnknownOperationError: it is none, or a client asks for it.
            DecodingError: its input is damaged.
        """
        decode = _INPUTS.get(message.operation)
        if decode is None or message.caller == ALONE:
            msg = f"{message.target} has no operation {message.operation!r}"
            raise UnknownOperationError(msg)
        scope = _LockScope(message, now_micros, _NOBODY)
        try:
            scope.asked = decode(message.input)
        except msgspec.MsgspecError as error:
            msg = f"the input of {message.operation} is damaged: {error}"
            raise DecodingError(msg) from error
        return Step(_nothing, scope=scope)

    def finish_own(self, scope: OperationScope) -> Outcome | None:
        """Lock or release; ``None`` when *scope* is of something else."""
        if type(scope) is not _LockScope:
            return None
        scope.close()
        asked = scope.asked
        if isinstance(asked, Release):
            return self._released(asked)
        return self._locked(asked, scope.message)

    def _locked(self, asked: LockRequest, message: Message) -> Outcome:
        lock = self.lock
        if lock is None:
            held = Held() if asked.transaction else None
            self._take(Lock(asked.section, message.caller, held), self.present())
        elif lock.section != asked.section:
            error = NotAllowedHereError(
                f"section {lock.section!r} of {lock.holder} has {message.target}; a section "
                "inside a section could wait for itself: end the first one before"
            )
            return Outcome(b"", describe_failure(error))
        return Outcome(_encode(Locked(asked.section)), touched=lock is None)

    def _take(self, lock: Lock, shown: bytes | None) -> None:
        self.lock = lock
        self.gate = lock.admits
        self.before = None if lock.held is None else shown

    def _released(self, asked: Release) -> Outcome:
        lock = self.lock
        if lock is None or lock.section != asked.section:
            return Outcome()
        held, before = lock.held, self.before
        self.gate = self.lock = self.before = None
        if held is None:
            return Outcome(touched=True)
        if not asked.undo:
            return held.released()
        if held.events:
            self.load(before)
        return Outcome(touched=True)

    def held_back(self, outcome: Outcome) -> Outcome:
        """What an operation came to while the entity is locked; a transaction holds it back."""
        lock = self.lock
        if lock is None or lock.held is None or not (outcome.events or outcome.effects):
            return outcome
        held = lock.held
        try:
            held.add(outcome)
        except PayloadTooLargeError as error:
            self.load(held.tentative() if held.events else self.before)
            return Outcome(b"", describe_failure(error))
        if outcome.events:
            state = self.present()
            held.state = _NOTHING if state is None else msgspec.Raw(state)
        return Outcome(outcome.result, touched=True)

    def stored(self) -> bytes | None:
        """The state as it is stored, with the lock in front of it."""
        lock = self.lock
        if lock is None:
            return self.present()
        return with_lock(lock, self.present() if lock.held is None else self.before)


_NOBODY = Directory(lambda _: None)
"""What locks send to."""


class Sealed(Lockable):
    """A locked entity whose state does not fit its class: it can be released, and no more."""

    __slots__ = ("_reason", "_state")

    def __init__(self, stored: bytes | None, reason: str) -> None:
        self._reason = reason
        self._state: bytes | None = None
        super().__init__(stored)

    def load(self, state: bytes | None) -> None:
        """Keep *state* unread."""
        self._state = state

    def present(self) -> bytes | None:
        """The state as it came."""
        return self._state

    def prepare(self, message: Message, now_micros: int) -> Step:
        """Refuse all but what concerns the lock."""
        if message.operation in _INPUTS:
            return self.prepare_own(message, now_micros)
        raise QuarantinedError(self._reason)

    def finish(self, step: Step, result: Any) -> Outcome:
        """Lock or release."""
        outcome = self.finish_own(step.scope)
        assert outcome is not None
        return outcome

    def fail(self, step: Step, error: BaseException) -> Outcome:
        """Never called: what concerns the lock runs no code that could fail."""
        raise AssertionError(self._reason) from error

    def state(self) -> bytes | None:
        """What is stored, as it came."""
        return self.stored()

    def close(self) -> None:
        """It holds nothing that could act."""


def sealed(target: str, stored: bytes, error: PerdureError) -> Sealed:
    """A locked entity that *error* kept from being activated."""
    return Sealed(stored, f"{target} cannot be activated: {error}")
