"""What every store promises of reading and retention; each store runs this suite."""

from __future__ import annotations

from threading import Thread

import pytest

from perdure.errors import (
    StoreError,
    VersionConflictError,
)
from perdure.storage.ports import Store
from perdure.storage.records import (
    BaseRow,
    Batch,
    LoadedActor,
    StateRow,
)
from tests.contracts.stores import (
    CART,
    FAR,
    LAMP,
    Place,
    message,
    outcome,
    state,
    step,
    turn,
)

# ---- activation and timers --------------------------------------------------------------


def test_many_actors_are_loaded_at_once(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(
        Batch(2, accepted=[message(3), message(1), message(2, LAMP), message(4, due=50)])
    )

    assert store.load([], 0) == {}
    assert store.load([LAMP, LAMP], 0) == store.load([LAMP], 0)
    assert store.load([CART, LAMP, "@none@x"], 49) == {
        CART: LoadedActor(2, b"{}", (message(1), message(3))),
        LAMP: LoadedActor(0, None, (message(2, LAMP),)),
        "@none@x": LoadedActor(0, None),
    }
    assert store.load([CART], 50)[CART].messages[-1] == message(4, due=50)


def test_the_pasts_of_many_are_read_at_once(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(step(2, LAMP, 1, 1))
    store.commit(step(3, CART, 3, 1))

    found = store.pasts([CART, "@none@x", LAMP, CART], most_bytes=1_000)
    assert found == {CART: store.turns(CART), LAMP: store.turns(LAMP)}
    assert [turn.first_version for turn in found[CART]] == [1, 3]
    assert store.pasts([], most_bytes=1_000) == {}


def test_pasts_that_are_beyond_the_room_are_left_out_as_a_whole(store: Store) -> None:
    store.commit(step(1, CART, 1))
    store.commit(step(2, LAMP, 1))
    store.commit(step(3, LAMP, 2))
    size = len(store.turns(CART)[0].events)

    assert set(store.pasts([CART, LAMP], most_bytes=3 * size)) == {CART, LAMP}
    assert set(store.pasts([CART, LAMP], most_bytes=3 * size - 1)) == {CART}
    assert store.pasts([CART, LAMP], most_bytes=size - 1) == {}


def test_due_messages_come_in_order_and_in_pages(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(1, due=30), message(2), message(6, due=FAR)]))
    store.commit(Batch(2, accepted=[message(3, LAMP, due=10), message(4), message(5, due=10)]))

    assert store.due((-1, 0), 30, limit=3) == [(0, 2, CART), (0, 4, CART), (10, 3, LAMP)]
    assert store.due((10, 3), 30, limit=9) == [(10, 5, CART), (30, 1, CART)]
    assert store.due((30, 1), 30, limit=9) == []
    assert store.due((0, 4), 9, limit=9) == []


def test_the_next_due_time_is_found(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(1, due=30), message(2), message(3, due=10)]))

    assert store.next_due(-1) == 0
    assert store.next_due(0) == 10
    assert store.next_due(10) == 30
    assert store.next_due(30) is None


def test_expired_outcomes_are_not_found_and_are_purged_in_steps(store: Store) -> None:
    store.commit(Batch(1, outcomes=[outcome(f"r{i}", expires=i) for i in range(1, 6)]))

    assert store.outcomes(["r3", "r4"], 3) == {"r4": outcome("r4", expires=4)}
    assert store.purge_outcomes(4, limit=3) == 3
    assert store.purge_outcomes(4, limit=3) == 1
    assert store.purge_outcomes(4, limit=3) == 0
    assert list(store.outcomes([f"r{i}" for i in range(9)], 0)) == ["r5"]


# ---- states, turns, feed ----------------------------------------------------------------


def test_states_are_listed_by_prefix_in_order(store: Store) -> None:
    names = ["@a@1", "@a@2", "@a@é", "@a@\U0010ffff", "@a@\U0010ffffz", "@b@1", "@ab@1"]
    store.commit(Batch(1, states=[state(name, 1, expected=0) for name in reversed(names)]))

    assert [row.stream for row in store.states("@a@")] == names[:5]
    assert [row.stream for row in store.states("@a@", after="@a@1", limit=2)] == names[1:3]
    assert [row.stream for row in store.states("@a@\U0010ffff")] == names[3:5]
    assert [row.stream for row in store.states("")] == sorted(names)
    assert store.states("@c") == []
    assert store.states("@a@", after="@b@1") == []


def test_states_are_listed_by_when_they_were_modified(store: Store) -> None:
    rows = [StateRow(f"@a@{time}", 1, b"{}", time, 0) for time in (10, 20, 30)]
    store.commit(Batch(1, states=rows))

    assert [r.time_micros for r in store.states("@a@", modified_from=20)] == [20, 30]
    assert [r.time_micros for r in store.states("@a@", modified_to=20)] == [10, 20]
    both = store.states("@a@", modified_from=11, modified_to=29)
    assert [r.time_micros for r in both] == [20]


def test_a_listed_state_counts_its_waiting_messages(store: Store) -> None:
    store.commit(step(1, CART, 1))
    store.commit(Batch(2, accepted=[message(1), message(2, due=FAR), message(3, LAMP)]))

    assert [row.waiting for row in store.states("@cart")] == [2]
    assert (store.waiting(), store.waiting(CART), store.waiting("@no@x")) == (3, 2, 0)


def test_turns_are_read_from_a_version_on(store: Store) -> None:
    for number, version in enumerate((3, 4, 9), 1):
        store.commit(step(number, CART, version, {3: 3, 4: 1, 9: 5}[version]))
    store.commit(step(4, LAMP, 1))

    def firsts(after: int, limit: int = 9) -> list[int]:
        page = store.turns(CART, after_version=after, limit=limit)
        return [row.first_version for row in page]

    assert firsts(0) == [1, 4, 5]
    assert firsts(2) == [1, 4, 5]
    assert firsts(3) == [4, 5]
    assert firsts(4, limit=1) == [5]
    assert firsts(8) == [5]
    assert firsts(9) == []


def test_the_feed_has_every_turn_in_the_order_of_the_store(store: Store) -> None:
    store.commit(Batch(1, turns=[turn(LAMP, 1), turn(CART, 1)]))
    store.commit(Batch(2, turns=[turn(LAMP, 2)]))

    feed = store.feed(0)

    assert [(t.seq, t.stream, t.first_version) for t in feed] == [
        (1, LAMP, 1),
        (2, CART, 1),
        (3, LAMP, 2),
    ]
    assert store.feed(1, limit=1) == feed[1:2]
    assert store.feed(3) == []
    times = [(t.seq, t.stream, t.time_micros) for t in feed]
    assert (store.turn_times(0), store.turn_times(1, limit=1)) == (times, times[1:2])


# ---- retention --------------------------------------------------------------------------


def test_history_is_purged_in_steps_and_begins_at_its_base(store: Store) -> None:
    for version in range(1, 6):
        store.commit(step(version, CART, version))
    store.commit(step(6, LAMP, 1))
    base = BaseRow(CART, 3, b'{"at":3}', 1)

    assert store.purge_history(base, limit=2) == 2
    assert list(store.check()) == []
    assert store.purge_history(base, limit=2) == 1
    assert store.purge_history(base, limit=2) == 0

    assert store.base(CART) == base
    assert store.base(LAMP) is None
    assert [t.first_version for t in store.turns(CART)] == [4, 5]
    assert len(store.feed(0)) == 3
    assert list(store.check()) == []


def test_a_turn_that_goes_beyond_the_base_is_kept(store: Store) -> None:
    store.commit(step(1, CART, 3, 3))

    assert store.purge_history(BaseRow(CART, 2, b"{}", 1), limit=9) == 0
    assert len(store.turns(CART)) == 1
    assert list(store.check()) == []


def test_an_earlier_base_never_replaces_a_later_one(store: Store) -> None:
    store.commit(step(1, CART, 1))
    store.commit(step(2, CART, 2))
    store.purge_history(BaseRow(CART, 2, b"2", 1), limit=9)

    store.purge_history(BaseRow(CART, 1, b"1", 1), limit=9)

    assert store.base(CART) == BaseRow(CART, 2, b"2", 1)


def test_a_base_beyond_the_stream_is_refused(store: Store) -> None:
    store.commit(step(1, CART, 1))

    with pytest.raises(VersionConflictError):
        store.purge_history(BaseRow(CART, 2, b"{}", 1), limit=9)

    assert store.base(CART) is None


def test_a_stream_without_row_and_turns_goes_on_from_its_base(store: Store) -> None:
    store.commit(step(1, CART, 2, 2))
    store.commit(
        Batch(2, turns=[turn(CART, 3)], states=[state(CART, 3, expected=2, body=None)])
    )
    store.purge_history(BaseRow(CART, 3, None, 1), limit=9)

    assert store.base(CART) == BaseRow(CART, 3, None, 1)
    assert store.load([CART], 0)[CART].version == 3
    with pytest.raises(VersionConflictError):
        store.commit(step(3, CART, 1))
    assert store.commit(step(3, CART, 4)) == 3
    assert list(store.check()) == []


def test_a_commit_may_begin_a_history_anew(store: Store) -> None:
    store.commit(step(1, CART, 1))
    store.commit(step(2, CART, 3, 2))
    base = BaseRow(CART, 3, None, 1)
    batch = Batch(3, turns=[turn(CART, 4)], states=[state(CART, 4, expected=3)], bases=[base])
    store.commit(batch)

    assert store.base(CART) == base
    assert [t.first_version for t in store.turns(CART)] == [4]
    assert [t.seq for t in store.feed(0)] == [3]
    assert list(store.check()) == []


def test_a_commit_may_erase_a_stream_which_then_begins_at_one(store: Store) -> None:
    store.commit(step(1, LAMP, 1))
    store.commit(step(2, CART, 1))
    store.commit(step(3, CART, 2))
    store.purge_history(BaseRow(CART, 1, b"1", 1), limit=9)
    gone = state(CART, 0, expected=2, body=None)
    store.commit(Batch(4, states=[gone], erased=[CART]))

    assert store.streams() == [LAMP]
    assert store.load([CART], 0)[CART].version == 0
    with pytest.raises(VersionConflictError):
        store.commit(step(5, CART, 3))

    store.commit(step(5, CART, 1))
    gone_and_back = Batch(
        6,
        turns=[turn(CART, 1, 2)],
        states=[state(CART, 0, expected=1, body=None), state(CART, 2, expected=0)],
        erased=[CART],
    )
    store.commit(gone_and_back)
    assert [(t.first_version, t.count) for t in store.turns(CART)] == [(1, 2)]
    assert store.load([CART], 0)[CART].version == 2
    assert [t.stream for t in store.feed(0)] == [LAMP, CART]
    assert list(store.check()) == []


def test_what_a_rejected_commit_erases_is_kept(store: Store) -> None:
    store.commit(step(1, CART, 1))
    gone = state(CART, 0, expected=2, body=None)
    with pytest.raises(VersionConflictError):
        store.commit(Batch(2, states=[gone], erased=[CART], bases=[]))

    assert len(store.turns(CART)) == 1


def test_a_place_in_the_feed_is_never_used_twice(place: Place) -> None:
    store = place.open()
    store.commit(step(1, CART, 1))
    store.purge_history(BaseRow(CART, 1, b"{}", 1), limit=9)
    store.close(clean=True)

    again = place.open()
    assert again.commit(step(2, CART, 2)) == 2
    assert [t.seq for t in again.feed(0)] == [2]
    again.close(clean=True)


# ---- looking after it -------------------------------------------------------------------


def test_every_stream_with_a_row_a_turn_or_a_base_is_listed(store: Store) -> None:
    store.commit(Batch(1, states=[state("@a@row", 1, expected=0)]))
    store.commit(Batch(2, turns=[turn("@b@turns", 1), turn("@b@turns", 2)]))
    store.commit(step(3, "@c@base", 1))
    store.commit(Batch(4, states=[state("@c@base", 1, expected=1, body=None)]))
    store.purge_history(BaseRow("@c@base", 1, None, 1), limit=9)
    store.commit(Batch(5, turns=[turn("@d@turn", 1)], accepted=[message(1, "@e@none")]))

    everything = ["@a@row", "@b@turns", "@c@base", "@d@turn"]
    assert store.streams() == everything
    assert store.streams(limit=2) == everything[:2]
    assert store.streams(after="@b@turns") == everything[2:]
    assert store.streams(after="@d@turn") == []


def test_a_sound_store_has_no_damage(store: Store) -> None:
    for version in (1, 2, 3):
        store.commit(step(version, CART, version))
    store.commit(step(4, LAMP, 5, 5))

    assert list(store.check()) == []


def test_gaps_and_states_at_other_versions_are_damage(store: Store) -> None:
    store.commit(Batch(1, turns=[turn("@a@gap", 1), turn("@a@gap", 4)]))
    store.commit(Batch(2, turns=[turn("@b@start", 2)]))
    store.commit(Batch(3, turns=[turn("@c@row", 1)], states=[state("@c@row", 2, expected=0)]))
    store.commit(Batch(4, turns=[turn("@d@twice", 1, 3), turn("@d@twice", 2)]))

    assert [(damage.stream, damage.what) for damage in store.check()] == [
        ("@a@gap", "versions 2 to 3 are missing"),
        ("@b@start", "versions 1 to 1 are missing"),
        ("@c@row", "its state is at version 2, its events end at 1"),
        ("@d@twice", "version 2 is stored twice"),
    ]


def test_readers_in_other_threads_see_only_whole_batches(store: Store) -> None:
    broken: list[str] = []
    done: list[bool] = []

    def read() -> None:
        try:
            while not done:
                pair = store.load([CART, LAMP], 0)
                if pair[CART].version != pair[LAMP].version:
                    broken.append(f"{pair[CART].version} and {pair[LAMP].version}")
        except StoreError as error:
            broken.append(repr(error))

    threads = [Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(1, 50):
        batch = step(version, CART, version)
        other = step(version, LAMP, version)
        batch.turns += other.turns
        batch.states += other.states
        store.commit(batch)
    done.append(True)
    for thread in threads:
        thread.join()

    assert broken == []


def test_messages_are_found_by_their_ids(store: Store) -> None:
    store.commit(Batch(1, accepted=[message(1), message(2, LAMP), message(3, due=50)]))

    assert store.messages([3, 2, 9]) == [message(2, LAMP), message(3, due=50)]
    assert store.messages([]) == []
