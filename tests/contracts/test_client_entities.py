"""What every client promises about entities, embedded or remote."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

import perdure
from tests.contracts.clients import Counter, Diary, OutOfStockError, tally

SOON = 20.0


def value(client: perdure.Client, key: str) -> int:
    snapshot = client.entity(Counter, key).get()
    return 0 if snapshot is None else snapshot.state.value


# ---- calls and signals -------------------------------------------------------------------


def test_a_call_answers_with_the_result_in_its_type(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")

    assert ref.call(Counter.add, 2).get(SOON) == 2
    assert ref.call(Counter.add_both, 1, second=2).get(SOON) == 5
    assert ref.call(Counter.later, "x").get(SOON) == "X"
    assert ref.call(Counter.peek).get(SOON) == 5


def test_names_do_in_place_of_classes_and_methods(client: perdure.Client) -> None:
    ref = client.entity("COUNTER", "a")

    assert ref.call("Add", 2).get(SOON) == 2
    assert ref.call("add", amount=3).get(SOON) == 5
    assert ref.call("add_both", first=1, second=2).get(SOON) == 8
    assert ref.id == perdure.EntityId("counter", "a")


def test_a_signal_is_accepted_when_it_returns_and_applied(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    for _ in range(5):
        ref.signal(Counter.add, 1)

    assert ref.call(Counter.peek).get(SOON) == 5


def test_a_signal_may_be_for_a_time_to_come(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    ref.options(at=timedelta(hours=1)).signal(Counter.add, 1)
    ref.options(at=datetime.now(UTC) - timedelta(hours=1)).signal(Counter.add, 10)

    with ref.watch() as watch:
        assert next(s.state.value for s in watch if s is not None) == 10
    with pytest.raises(perdure.InvalidInputError, match="a call is for now"):
        ref.options(at=timedelta(hours=1)).call(Counter.add, 1)


def test_a_function_entity_takes_any_operation(client: perdure.Client) -> None:
    ref = client.entity(tally, "t")

    assert ref.call("first", {"a": [1]}).get(SOON) == 1
    assert ref.call("second").get(SOON) == 2
    snapshot = ref.get()
    assert snapshot is not None
    assert snapshot.state == {"first": {"a": [1]}, "second": None}


@pytest.mark.parametrize("key", ["a/b", "ä ✓", "..", ".", "a?b=c#d", "%2F", "a@b", "x" * 256])
def test_a_key_is_any_text(client: perdure.Client, key: str) -> None:
    ref = client.entity(Counter, key)
    ref.call(Counter.add, 1).get(SOON)

    with ref.watch() as watch:
        snapshot = next(iter(watch))
    assert snapshot == ref.get()
    assert snapshot is not None
    assert snapshot.id.key == key
    assert [event.version for event in ref.history()] == [1]


def test_a_reply_can_be_awaited(client: perdure.Client) -> None:
    async def ask() -> list[int]:
        ref = client.entity(Counter, "a")
        return await asyncio.gather(*(asyncio.ensure_future(one(ref)) for _ in range(20)))

    async def one(ref: perdure.EntityRef[Counter]) -> int:
        return await ref.call(Counter.add, 1)

    assert sorted(asyncio.run(ask())) == list(range(1, 21))


def test_threads_share_a_client(client: perdure.Client) -> None:
    def work() -> None:
        for _ in range(10):
            client.entity(Counter, "a").call(Counter.add, 1).get(SOON)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value(client, "a") == 80


# ---- requests ----------------------------------------------------------------------------


def test_a_repeated_request_is_done_once(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a").options(request_id="r-1")
    ref.call(Counter.add, 1).get(SOON)

    assert ref.call(Counter.add, 1).get(SOON) == 1
    assert ref.call(Counter.add, 1).request_id == "r-1"
    with pytest.raises(perdure.RequestMismatchError):
        ref.call(Counter.add, 2).get(SOON)
    assert value(client, "a") == 1


def test_a_repeated_signal_is_done_once(client: perdure.Client) -> None:
    for _ in range(3):
        client.entity(Counter, "a").options(request_id="r-1").signal(Counter.add, 1)

    assert client.entity(Counter, "a").call(Counter.peek).get(SOON) == 1


# ---- errors ------------------------------------------------------------------------------


def test_an_operation_that_raises_tells_why_and_leaves_nothing(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    with pytest.raises(perdure.OperationFailedError, match="no tea") as caught:
        ref.call(Counter.fail, "no tea").get(SOON)

    error = caught.value
    assert (error.target, error.operation) == ("@counter@a", "fail")
    assert error.details.is_caused_by(OutOfStockError)
    assert "no tea" in (error.details.stack_trace or "")
    assert ref.get() is None


def test_what_does_not_fit_is_refused_before_it_is_sent(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    wrong: object = "one"

    with pytest.raises(perdure.InvalidInputError):
        ref.signal("add", wrong)
    with pytest.raises(perdure.InvalidInputError):
        ref.call("add", 1, 2, 3)
    with pytest.raises(perdure.UnknownOperationError, match="multiply"):
        ref.call("multiply", 2)
    with pytest.raises(perdure.InvalidIdError):
        client.entity(Counter, "")
    with pytest.raises(perdure.PayloadTooLargeError):
        client.entity(Diary, "d").signal(Diary.note, "x" * 3_000_000)
    assert ref.get() is None


def test_a_kind_that_nobody_knows_is_told_at_the_latest_when_it_is_used(
    client: perdure.Client,
) -> None:
    with pytest.raises(perdure.UnknownEntityError, match="nobody"):
        client.entity("nobody", "a").signal("do")
    with pytest.raises(perdure.UnknownEntityError, match="nobody"):
        client.entity("nobody", "a").get()


def test_no_answer_in_time_is_no_answer_yet(client: perdure.Client) -> None:
    ref = client.start("waiting", 1)
    ref.wait_for_start(SOON)

    with pytest.raises(perdure.ReplyTimeoutError):
        ref.result(0)
    with pytest.raises(perdure.InvalidInputError):
        ref.result(-1)


# ---- reading -----------------------------------------------------------------------------


def test_a_snapshot_tells_state_version_and_time(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    assert ref.get() is None
    ref.call(Counter.add, 3).get(SOON)
    snapshot = ref.get()

    assert snapshot is not None
    assert isinstance(snapshot.state, Counter)
    assert (snapshot.id, snapshot.version, snapshot.state.value) == (ref.id, 1, 3)
    assert abs(snapshot.modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert (snapshot.queue_length, snapshot.locked_by) == (0, None)


def test_the_history_tells_changes_and_recorded_events(client: perdure.Client) -> None:
    counter, diary = client.entity(Counter, "a"), client.entity(Diary, "d")
    counter.options(request_id="r-1").call(Counter.add, 1).get(SOON)
    counter.call(Counter.add, 1).get(SOON)
    counter.call("delete").get(SOON)
    diary.call(Diary.note, "tea").get(SOON)

    events = list(counter.history())
    assert [(e.version, e.kind, e.changes) for e in events] == [
        (1, "changed", {"value": 1}),
        (2, "changed", {"value": 2}),
        (3, "deleted", None),
    ]
    assert (events[0].request_id, events[0].operation, events[0].caller) == ("r-1", "add", None)
    assert [e.version for e in counter.history(after_version=2)] == [3]
    (noted,) = diary.history()
    assert (noted.kind, noted.name, noted.data) == ("recorded", "Noted", {"text": "tea"})


def test_a_long_history_is_read_to_its_end(client: perdure.Client) -> None:
    with client.pipeline() as pipeline:
        for _ in range(450):
            pipeline.entity(Counter, "a").signal(Counter.add, 1)
    client.entity(Counter, "a").call(Counter.peek).get(SOON)

    assert [e.version for e in client.entity(Counter, "a").history()] == list(range(1, 451))


def test_the_past_is_read_at_a_version_or_a_time(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    before = datetime.now(UTC) - timedelta(hours=1)
    for _ in range(3):
        ref.call(Counter.add, 1).get(SOON)

    assert ref.as_of(2) == Counter(value=2)
    assert ref.as_of(0) is None
    assert ref.as_of(before) is None
    assert ref.as_of(datetime.now(UTC) + timedelta(hours=1)) == Counter(value=3)
    with pytest.raises(perdure.InvalidInputError, match="yet to come"):
        ref.as_of(4)


def test_entities_are_listed_in_pages(client: perdure.Client) -> None:
    for key in ("a1", "a2", "a3", "b"):
        client.entity(Counter, key).call(Counter.add, 1).get(SOON)
    client.entity(Diary, "d").call(Diary.note, "x").get(SOON)

    page = client.entities(Counter, prefix="a", limit=2)
    assert [s.id.key for s in page.items] == ["a1", "a2"]
    assert all(isinstance(s.state, Counter) for s in page.items)
    rest = client.entities(Counter, prefix="a", limit=2, after=page.next or "")
    assert ([s.id.key for s in rest.items], rest.next) == (["a3"], None)
    assert [str(s.id) for s in client.entities().items][-1] == "@diary@d"
    later = datetime.now(UTC) + timedelta(hours=1)
    assert client.entities(modified_from=later).items == []
    with pytest.raises(perdure.InvalidInputError, match="limit"):
        client.entities(limit=0)


def test_old_events_can_be_forgotten(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    for _ in range(3):
        ref.call(Counter.add, 1).get(SOON)

    assert client.purge_history(ref.id, up_to_version=2) == 2
    assert [event.version for event in ref.history()] == [3]
    assert client.purge_history("@counter@a", before=timedelta(days=1)) == 0
    with pytest.raises(perdure.InvalidInputError):
        client.purge_history(ref.id)


# ---- following ---------------------------------------------------------------------------


def test_a_watch_tells_the_present_state_and_each_newer_one(client: perdure.Client) -> None:
    ref = client.entity(Counter, "a")
    with ref.watch() as watch:
        states = iter(watch)
        assert next(states) is None
        ref.signal(Counter.add, 1)
        first = next(states)
        ref.signal("delete")
        assert next(states) is None

    assert first is not None
    assert first.state == Counter(value=1)
    assert list(states) == []


def test_a_watch_is_closed_from_elsewhere(client: perdure.Client) -> None:
    watch = client.entity(Counter, "a").watch()
    states = iter(watch)
    next(states)
    closer = threading.Timer(0.05, watch.close)
    closer.start()

    assert list(states) == []
    closer.join()


def test_a_watch_may_call_back(client: perdure.Client) -> None:
    seen = threading.Event()

    def look(snapshot: perdure.EntitySnapshot[Counter] | None) -> None:
        if snapshot is not None and snapshot.state.value == 3:
            seen.set()

    with client.entity(Counter, "a").watch(look):
        for _ in range(3):
            client.entity(Counter, "a").signal(Counter.add, 1)
        assert seen.wait(SOON)


def test_changes_are_told_in_order_and_resumed(client: perdure.Client) -> None:
    for key in ("a", "b", "a"):
        client.entity(Counter, key).call(Counter.add, 1).get(SOON)

    changes = list(client.changes(follow=False))
    assert [(c.id.key, c.event.version, c.event.changes) for c in changes] == [
        ("a", 1, {"value": 1}),
        ("b", 1, {"value": 1}),
        ("a", 2, {"value": 2}),
    ]
    assert changes == sorted(changes, key=lambda change: change.position)
    rest = client.changes(changes[1].position)
    assert next(rest) == changes[2]
    client.entity(Counter, "c").signal(Counter.add, 1)
    assert next(rest).id.key == "c"
    wrong: object = "17.0"
    with pytest.raises(perdure.InvalidInputError, match="Position"):
        client.changes(wrong)  # type: ignore[arg-type]  # pyright: ignore


# ---- pipelines and life ------------------------------------------------------------------


def test_a_pipeline_is_durable_and_in_order_when_its_block_ends(client: perdure.Client) -> None:
    with client.pipeline() as pipeline:
        for number in range(600):
            pipeline.entity(Diary, "d").signal(Diary.note, str(number))
        pipeline.start("ordering", 4, instance_id="o")

    assert (pipeline.sent, pipeline.failures) == (601, [])
    client.entity(Diary, "d").call(Diary.note, "end").get(SOON)
    snapshot = client.entity(Diary, "d").get()
    assert snapshot is not None
    assert snapshot.state.texts == [*map(str, range(600)), "end"]
    assert client.orchestration("o").result(SOON) == 8


def test_large_signals_of_a_pipeline_are_all_sent(client: perdure.Client) -> None:
    with client.pipeline() as pipeline:
        for number in range(12):
            pipeline.entity(Diary, str(number)).signal(Diary.note, "x" * 500_000)

    for number in range(12):
        client.entity(Diary, str(number)).call(Diary.note, "end").get(SOON)


def test_what_was_sent_before_closing_is_done(client: perdure.Client) -> None:
    replies = [client.entity(Counter, "a").call(Counter.add, 1) for _ in range(20)]
    assert client.close()

    assert sorted(reply.get(0) for reply in replies) == list(range(1, 21))


def test_a_closed_client_refuses_by_name(client: perdure.Client) -> None:
    ref, order = client.entity(Counter, "a"), client.orchestration("o")
    client.close()
    client.close()

    for ask in (
        lambda: ref.signal(Counter.add, 1),
        lambda: ref.call(Counter.add, 1),
        ref.get,
        ref.history,
        ref.watch,
        order.status,
        lambda: order.result(1),
        client.query,
        client.status,
    ):
        with pytest.raises(perdure.NodeClosedError):
            ask()


def test_the_status_tells_how_the_node_is(client: perdure.Client) -> None:
    status = client.status()

    assert status["healthy"] is True
    assert "counter" in status["kinds"]
    assert list(client.quarantine()) == []
    assert client.redrive(17) is False
    assert client.discard(17) is False


def test_what_one_thread_sends_to_one_entity_is_handled_in_its_order(
    client: perdure.Client,
) -> None:
    ref = client.entity(Diary, "d")
    replies: list[perdure.Reply[None]] = []
    for number in range(60):
        if number % 7 == 3:
            ref.signal(Diary.note, str(number))
        else:
            replies.append(ref.call(Diary.note, str(number)))
    for reply in replies:
        reply.get(SOON)
    ref.call(Diary.note, "end").get(SOON)

    snapshot = ref.get()
    assert snapshot is not None
    assert snapshot.state.texts == [*map(str, range(60)), "end"]


def test_a_slow_call_holds_up_nobody_for_long(client: perdure.Client) -> None:
    slow = client.start("waiting", 1, instance_id="w")
    slow.wait_for_start(SOON)
    replies = [client.entity(Counter, str(n)).call(Counter.add, 1) for n in range(100)]

    assert [reply.get(SOON) for reply in replies] == [1] * 100
