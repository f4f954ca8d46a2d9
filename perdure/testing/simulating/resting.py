"""What must be true of any store when the trouble is over and time has passed."""

from __future__ import annotations

from perdure.actors.ids import is_entity
from perdure.actors.locks import lock_of
from perdure.errors import WrongStatusError
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.reading import find_state
from perdure.orchestration.state import InstanceState
from perdure.orchestration.status import state_of
from perdure.orchestration.why import Reason, mail_of
from perdure.testing.simulating.histories import check_grammar, check_replay

_PAGE = 1_000
_GOOD = frozenset({"event", "pending", "suspended", "timer"})
"""What an orchestration may wait for without anybody at work."""


def redrive(client: EmbeddedClient) -> int:
    """Send again what was set aside, and only because of the trouble; how many it was.

    Raises:
        AssertionError: something was set aside for another reason.
    """
    rows = list(client.quarantine())
    for row in rows:
        blamed = "crashes" in row.reason or "simulated" in row.reason
        assert blamed, f"an innocent was quarantined: {row.reason}"
        try:
            assert client.redrive(row.id)
        except WrongStatusError:  # of a transaction that has been undone
            assert client.discard(row.id)
    return len(rows)


def check_rest(client: EmbeddedClient, *, one_release: bool = True) -> None:
    """Everything has ended, or waits for something that may still come.

    Args:
        client: of the store.
        one_release: the code was never changed meanwhile.

    Raises:
        AssertionError: it does not; the message says what and where.
    """
    reader = client.node.store
    left = [row.reason for row in client.quarantine()]
    assert not left, f"set aside without trouble: {left}"
    findings = list(client.verify())
    assert not findings, f"the log does not give the state: {findings}"
    _check_mail(client)
    for row in reader.states("", limit=_PAGE):
        if is_entity(row.stream):
            _check_lock(client, row.stream, row.state)
            continue
        try:
            state = state_of(row)
            history = list(client.orchestration(row.stream).history())
            check_grammar(state, history)
            check_replay(client, row.stream, state, history, one_release=one_release)
            asleep = row.stream not in client.node.partition.cells
            if state.stalled and asleep and not one_release:
                continue  # by code of another release; today's has not been asked yet
            if not state.is_finished:
                _check_waits(client, row.stream, state)
        except Exception as error:
            msg = f"orchestration {row.stream}: {error!r}"
            raise AssertionError(msg) from error


def _check_mail(client: EmbeddedClient) -> None:
    """What is due is in somebody's hands."""
    partition = client.node.partition
    for due, message_id, stream in client.node.store.due(
        (0, 0), client.now_micros(), limit=_PAGE
    ):
        cell = partition.cells.get(stream)
        held = cell is not None and any(message.id == message_id for message in cell.deferred)
        busy = cell is not None and cell.busy
        at_work = message_id in partition.attempts
        assert held or busy or at_work, f"message {message_id} for {stream}, due {due}, is lost"


def _check_lock(client: EmbeddedClient, entity: str, stored: bytes | None) -> None:
    lock = lock_of(stored)
    if lock is None:
        return
    if is_entity(lock.holder):
        return
    holder = find_state(client.node.store, lock.holder)
    assert holder is not None, f"{entity} is locked by {lock.holder}, which is not there"
    assert not holder.is_finished, f"{entity} is locked by {lock.holder}, which has ended"


def _check_waits(client: EmbeddedClient, instance: str, state: InstanceState) -> None:
    """It waits for something, and for nothing that will not come."""
    reasons = client.why(instance)
    for reason in reasons:
        assert _may_wait(client, reason), f"{state.status}, and waits in vain: {reason.text}"


def _may_wait(client: EmbeddedClient, reason: Reason) -> bool:
    reader = client.node.store
    match reason.kind:
        case "activity":
            return bool(client.node.partition.attempts.at_work(reason.about))
        case "child":
            child = find_state(reader, reason.about)
            return child is not None and not child.is_finished
        case "operation":
            return bool(mail_of(reader, reason.about))
        case "lock":
            row = reader.state(reason.about)
            return row is not None and lock_of(row.state) is not None
        case kind:
            return kind in _GOOD
