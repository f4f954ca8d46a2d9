"""What every store promises of writing and owning; each store runs this suite."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from perdure.errors import (
    NodeClosedError,
    OwnershipLostError,
    RowRejectedError,
    VersionConflictError,
)
from perdure.storage.ports import Store
from perdure.storage.records import (
    Batch,
    LoadedActor,
    MessageRow,
    StoredState,
    StoredTurn,
    TurnRow,
)
from tests.contracts.stores import (
    CART,
    LAMP,
    Place,
    message,
    outcome,
    quarantined,
    state,
    step,
    turn,
)

# ---- commit -----------------------------------------------------------------------------


def test_a_commit_returns_the_place_of_the_newest_turn(store: Store) -> None:
    assert store.commit(Batch(1)) == 0
    assert store.commit(Batch(2, turns=[turn(CART, 1, 2), turn(LAMP, 1)])) == 2
    assert store.commit(Batch(3)) == 2


def test_everything_in_a_batch_is_written(store: Store) -> None:
    store.commit(
        Batch(
            1,
            turns=[turn(CART, 1, 3, time=7)],
            states=[state(CART, 3, expected=0, body=b'{"a":1}', time=7)],
            accepted=[message(1), message(2, LAMP)],
            outcomes=[outcome("r1")],
            quarantined=[quarantined(9)],
        )
    )

    assert store.turns(CART) == [StoredTurn(1, CART, 1, 3, b"[1]", 7)]
    assert store.state(CART) == StoredState(CART, 3, b'{"a":1}', 7, 1)
    assert store.load([CART], 0)[CART].messages == (message(1),)
    assert store.load([LAMP], 0)[LAMP].messages == (message(2, LAMP),)
    assert store.outcomes(["r1"], 1) == {"r1": outcome("r1")}
    assert store.quarantined() == [quarantined(9)]


def test_a_large_batch_is_written_in_order(store: Store) -> None:
    names = [f"@n@{i:04}" for i in range(777)]

    seq = store.commit(
        Batch(
            1,
            turns=[turn(name, 1) for name in names],
            states=[state(name, 1, expected=0) for name in names],
            accepted=[message(i + 1, name) for i, name in enumerate(names)],
        )
    )

    assert seq == 777
    assert [t.stream for t in store.feed(0)] == names
    assert [s.stream for s in store.states("@n@", limit=1000)] == names
    assert store.waiting() == 777


def test_an_unexpected_version_writes_nothing(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    batch = step(2, LAMP, 1)
    batch.states.append(state(CART, 4, expected=3))
    batch.accepted.append(message(1))

    with pytest.raises(VersionConflictError, match="version 2, not 3"):
        store.commit(batch)

    assert store.state(LAMP) is None
    assert store.turns(LAMP) == []
    assert store.waiting() == 0
    assert store.probe() == 1
    assert store.commit(step(2, CART, 3)) == 2


def test_a_stream_that_is_new_is_expected_at_zero(store: Store) -> None:
    with pytest.raises(VersionConflictError):
        store.commit(Batch(1, states=[state(CART, 2, expected=1)]))

    store.commit(Batch(1, states=[state(CART, 1, expected=0)]))

    with pytest.raises(VersionConflictError):
        store.commit(Batch(2, states=[state(CART, 1, expected=0)]))


def test_a_stream_may_come_twice_in_a_batch_if_its_versions_follow(store: Store) -> None:
    store.commit(
        Batch(
            1,
            turns=[turn(CART, 1), turn(CART, 2)],
            states=[
                state(CART, 1, expected=0, body=b"1"),
                state(CART, 2, expected=1, body=b"2"),
            ],
        )
    )

    assert store.state(CART) == StoredState(CART, 2, b"2", 1)
    with pytest.raises(VersionConflictError):
        store.commit(Batch(2, states=[state(CART, 3, expected=2), state(CART, 5, expected=4)]))


def test_a_turn_cannot_be_written_twice(store: Store) -> None:
    store.commit(step(1, CART, 1))

    with pytest.raises(VersionConflictError):
        store.commit(Batch(2, turns=[turn(CART, 1)]))

    assert len(store.turns(CART)) == 1


def test_a_deleted_actor_goes_on_from_its_last_version(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(
        Batch(2, turns=[turn(CART, 3)], states=[state(CART, 3, expected=2, body=None)])
    )

    assert store.state(CART) is None
    assert store.load([CART], 0) == {CART: LoadedActor(3, None)}
    with pytest.raises(VersionConflictError):
        store.commit(step(3, CART, 1))
    store.commit(step(3, CART, 4))
    assert store.load([CART], 0) == {CART: LoadedActor(4, b"{}")}


def test_consumed_messages_leave_and_unknown_ones_are_no_error(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(1), message(2), message(3)]))
    store.commit(Batch(2, consumed=[1, 3, 99]))

    assert store.load([CART], 0)[CART].messages == (message(2),)
    assert store.waiting() == store.waiting(CART) == 1


def test_a_message_accepted_and_consumed_in_one_batch_is_never_there(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(1), message(2)], consumed=[1]))

    assert store.load([CART], 0)[CART].messages == (message(2),)


@pytest.mark.parametrize(
    "bad",
    [
        Batch(2, turns=[TurnRow(LAMP, 1, 1, b"[]", 2**63)]),
        Batch(2, accepted=[MessageRow(2**64, LAMP, 0, b"")]),
        Batch(2, turns=[turn("@a@\ud800", 1)]),
        Batch(2, states=[state("@a@\ud800", 1, expected=0)]),
        Batch(2, outcomes=[outcome("\ud800")]),
        Batch(2, accepted=[message(1)]),
        Batch(2, accepted=[message(5), message(5)]),
        Batch(2, quarantined=[quarantined(9)]),
    ],
    ids=[
        "time",
        "id",
        "stream",
        "state",
        "request",
        "waiting id",
        "id twice",
        "quarantined id",
    ],
)
def test_a_record_that_cannot_be_stored_is_rejected_alone(store: Store, bad: Batch) -> None:
    store.commit(Batch(1, accepted=[message(1)], quarantined=[quarantined(9)]))

    with pytest.raises(RowRejectedError):
        store.commit(attrs.evolve(bad, turns=[*bad.turns, turn(CART, 1)]))

    assert store.turns(CART) == []
    assert store.probe() == 1
    store.commit(step(2, CART, 1))


def test_a_remembered_outcome_is_replaced(store: Store) -> None:
    store.commit(Batch(1, outcomes=[outcome("r"), outcome("s")]))
    store.commit(Batch(2, outcomes=[outcome("r", body=b"again"), outcome("r", body=b"last")]))

    assert store.outcomes(["r", "s", "t"], 1) == {
        "r": outcome("r", body=b"last"),
        "s": outcome("s"),
    }


def test_what_the_caller_changes_afterwards_is_not_stored(store: Store) -> None:
    row = message(1)
    store.commit(Batch(1, accepted=[row]))
    row.attempts = 7
    store.load([CART], 0)[CART].messages[0].attempts = 8

    assert store.load([CART], 0)[CART].messages == (message(1),)


# ---- opening, closing, owning -----------------------------------------------------------


def test_an_opening_tells_what_the_last_one_left(place: Place) -> None:
    first = place.open()
    assert (first.opening.incarnation, first.opening.clean) == (1, True)
    assert (first.opening.last_batch, first.opening.suspect) == (0, None)
    first.commit(Batch(1, suspect=5))
    first.commit(Batch(2, suspect=6, turns=[turn(CART, 1)]))
    first.close(clean=False)

    second = place.open()
    assert (second.opening.incarnation, second.opening.clean) == (2, False)
    assert (second.opening.last_batch, second.opening.suspect) == (2, 6)
    second.close(clean=True)

    third = place.open()
    assert (third.opening.incarnation, third.opening.clean) == (3, True)
    assert (third.opening.last_batch, third.opening.suspect) == (2, None)
    assert third.commit(Batch(3, turns=[turn(CART, 2)])) == 2
    third.close(clean=True)


def test_a_batch_without_a_suspect_clears_the_last(place: Place) -> None:
    first = place.open()
    first.commit(Batch(1, suspect=5))
    first.commit(Batch(2))
    first.close(clean=False)

    second = place.open()
    assert second.opening.suspect is None
    second.close(clean=True)


def test_a_closed_store_refuses_and_may_be_closed_again(place: Place) -> None:
    store = place.open()
    store.close(clean=True)
    store.close(clean=True)

    with pytest.raises(NodeClosedError):
        store.commit(Batch(1))
    with pytest.raises(NodeClosedError):
        store.probe()
    with pytest.raises(NodeClosedError):
        store.load([CART], 0)


def test_a_store_that_was_taken_over_writes_nothing_more(place: Place) -> None:
    old = place.open()
    _lose_the_lock(old)
    new = place.open()

    with pytest.raises(OwnershipLostError):
        old.commit(step(1, CART, 1))
    with pytest.raises(OwnershipLostError):
        old.probe()
    with pytest.raises(OwnershipLostError):
        old.count_attempts([1])
    with pytest.raises(OwnershipLostError):
        old.set_attempts([1], 0)

    old.close(clean=True)
    assert new.turns(CART) == []
    new.commit(step(1, CART, 1))
    new.close(clean=False)
    last = place.open()
    assert not last.opening.clean
    last.close(clean=True)


def _lose_the_lock(store: Store) -> None:
    """What an administrator does who removes the lock file of a running node."""
    Path(store.location + ".lock").unlink(missing_ok=True)


def test_a_probe_returns_the_last_durable_batch(store: Store) -> None:
    assert store.probe() == 0
    store.commit(Batch(1))
    store.commit(Batch(2))
    assert store.probe() == 2


def test_its_location_is_told(store: Store) -> None:
    assert store.location


# ---- suspects, quarantine ---------------------------------------------------------------


def test_an_attempt_is_counted_and_names_the_suspect(place: Place) -> None:
    store = place.open()
    store.commit(Batch(1, accepted=[message(1)]))

    store.count_attempts([1])
    store.count_attempts([1])
    store.close(clean=False)

    again = place.open()
    assert again.opening.suspect == 1
    assert again.load([CART], 0)[CART].messages[0].attempts == 2
    again.close(clean=True)


def test_messages_in_hand_together_are_no_single_suspect(place: Place) -> None:
    store = place.open()
    store.commit(Batch(1, accepted=[message(1), message(2), message(3)]))
    store.count_attempts([1])
    store.count_attempts([1])

    store.count_attempts([1, 2])
    store.count_attempts([1, 2])
    store.close(clean=False)

    again = place.open()
    assert again.opening.suspect is None
    assert [row.attempts for row in again.load([CART], 0)[CART].messages] == [2, -1, 0]
    again.count_attempts([2])
    assert [row.attempts for row in again.load([CART], 0)[CART].messages] == [2, 1, 0]
    again.close(clean=True)


def test_attempts_can_be_set_anew(place: Place) -> None:
    store = place.open()
    store.commit(Batch(1, accepted=[message(1), message(2), message(3)]))
    store.count_attempts([1])

    store.set_attempts([1, 3, 4], -2)

    rows = store.load([CART], 0)[CART].messages
    assert [row.attempts for row in rows] == [-2, 0, -2]
    store.close(clean=False)
    assert place.open().load([CART], 0)[CART].messages == rows


def test_a_redriven_message_waits_again_under_its_new_id(store: Store) -> None:
    store.commit(Batch(1, quarantined=[quarantined(4)]))

    assert store.redrive(4, 10) == CART
    assert store.redrive(4, 11) is None
    assert store.quarantined() == []
    assert store.load([CART], 0)[CART].messages == (MessageRow(10, CART, 0, b"body 4"),)
    assert store.due((-1, 0), 0, limit=9) == [(0, 10, CART)]


def test_a_redrive_to_an_id_that_waits_changes_nothing(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(5)], quarantined=[quarantined(4)]))

    with pytest.raises(RowRejectedError):
        store.redrive(4, 5)

    assert store.quarantined() == [quarantined(4)]
    assert store.waiting() == 1


def test_a_discarded_message_is_gone(store: Store) -> None:
    store.commit(Batch(1, quarantined=[quarantined(4)]))

    assert store.discard(4)
    assert not store.discard(4)
    assert store.quarantined() == []


def test_the_quarantine_is_read_in_pages(store: Store) -> None:
    store.commit(Batch(1, quarantined=[quarantined(i) for i in (3, 1, 2)]))

    assert [row.id for row in store.quarantined(limit=2)] == [1, 2]
    assert [row.id for row in store.quarantined(after=2)] == [3]
