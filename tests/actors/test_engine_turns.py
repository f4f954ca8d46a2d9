"""What the threaded engine promises for single operations, over the store in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import perdure
from perdure.actors import limits
from perdure.orchestration.client import EmbeddedClient
from tests.actors.engine import Counter, app, gates


@pytest.fixture
def client() -> Iterator[EmbeddedClient]:
    gates.clear()
    with app.open(":memory:") as client:
        yield client


def test_a_call_answers_with_the_result(client: EmbeddedClient) -> None:
    assert client.entity(Counter, "a").call(Counter.add, 2).get(timeout=5) == 2


def test_a_signal_has_been_accepted_when_it_returns(client: EmbeddedClient) -> None:
    client.entity(Counter, "a").signal(Counter.add, 2)

    assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 2


def test_a_failed_operation_leaves_nothing(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a")
    ref.signal(Counter.add, 1)

    with pytest.raises(perdure.OperationFailedError) as caught:
        ref.call(Counter.add_and_fail, 5).get(timeout=5)

    assert caught.value.details.error_type.endswith("ValueError")
    assert caught.value.details.message == "planned"
    assert ref.call(Counter.read).get(timeout=5) == 1
    assert [event.version for event in ref.history()] == [1]


def test_a_readonly_operation_that_changes_something_is_refused(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a")

    with pytest.raises(perdure.OperationFailedError, match="readonly"):
        ref.call(Counter.read_badly).get(timeout=5)

    assert ref.call(Counter.read).get(timeout=5) == 0
    assert ref.get() is None


def test_an_operation_that_blocks_stops_nobody_else(client: EmbeddedClient) -> None:
    gates["slow"] = threading.Event()
    blocked = client.entity(Counter, "slow").call(Counter.add_when_open, 1)

    for number in range(50):
        key = f"quick-{number}"
        assert client.entity(Counter, key).call(Counter.add, 1).get(timeout=5) == 1

    assert not blocked.done
    gates["slow"].set()
    assert blocked.get(timeout=5) == 1


def test_messages_behind_a_blocked_operation_wait_in_order(client: EmbeddedClient) -> None:
    gates["slow"] = threading.Event()
    ref = client.entity(Counter, "slow")
    first = ref.call(Counter.add_when_open, 1)
    others = [ref.call(Counter.add, 1) for _ in range(5)]

    gates["slow"].set()

    assert first.get(timeout=5) == 1
    assert [reply.get(timeout=5) for reply in others] == [2, 3, 4, 5, 6]


def test_many_operations_block_at_once_and_others_go_on(client: EmbeddedClient) -> None:
    keys = [f"slow-{number}" for number in range(20)]
    for key in keys:
        gates[key] = threading.Event()
    blocked = [client.entity(Counter, key).call(Counter.add_when_open, 1) for key in keys]

    assert client.entity(Counter, "quick").call(Counter.add, 1).get(timeout=5) == 1

    for key in keys:
        gates[key].set()
    assert [reply.get(timeout=5) for reply in blocked] == [1] * 20


def test_an_async_operation_runs_on_the_event_loop(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a")
    replies = [ref.call(Counter.add_slowly, 1) for _ in range(3)]

    assert [reply.get(timeout=5) for reply in replies] == [1, 2, 3]


def test_a_reply_can_be_awaited(client: EmbeddedClient) -> None:
    async def ask() -> int:
        ref = client.entity(Counter, "a")
        first, second = await asyncio.gather(
            _await(ref.call(Counter.add, 1)), _await(ref.call(Counter.add, 1))
        )
        return first + second

    assert asyncio.run(ask()) == 3


async def _await(reply: perdure.Reply[int]) -> int:
    return await reply


def test_waiting_inside_an_operation_is_refused() -> None:
    inner = perdure.App()
    refs: list[perdure.EntityRef[Waiting]] = []

    @inner.entity
    class Waiting(perdure.Entity):
        value: int = 0

        def wait_for_another(self) -> int:
            return refs[0].call(Waiting.answer).get(timeout=5)

        def answer(self) -> int:
            return 1

    with inner.open(":memory:") as client:
        refs.append(client.entity(Waiting, "other"))
        with pytest.raises(perdure.OperationFailedError, match="send a signal instead"):
            client.entity(Waiting, "one").call(Waiting.wait_for_another).get(timeout=5)


def test_a_timeout_names_the_request_and_the_answer_still_comes(client: EmbeddedClient) -> None:
    gates["slow"] = threading.Event()
    reply = client.entity(Counter, "slow").call(Counter.add_when_open, 1)

    with pytest.raises(perdure.ReplyTimeoutError, match=reply.request_id):
        reply.get(timeout=0.01)

    gates["slow"].set()
    assert reply.get(timeout=5) == 1


def test_a_chain_of_signals_reaches_its_end(client: EmbeddedClient) -> None:
    keys = [f"link-{number}" for number in range(10)]

    client.entity(Counter, "start").signal(Counter.forward, keys)
    while client.entity(Counter, keys[-1]).get() is None:
        client.entity(Counter, "start").call(Counter.read).get(timeout=5)

    assert client.entity(Counter, keys[-1]).call(Counter.read).get(timeout=5) == 1


def test_a_pipeline_is_durable_when_its_block_ends(client: EmbeddedClient) -> None:
    with client.pipeline() as pipeline:
        for number in range(5_000):
            pipeline.entity(Counter, f"k{number % 7}").signal(Counter.add, 1)

    total = sum(
        client.entity(Counter, f"k{key}").call(Counter.read).get(timeout=5) for key in range(7)
    )
    assert total == 5_000
    assert pipeline.sent == 5_000
    assert pipeline.failures == []


def test_a_full_mailbox_refuses_calls(
    client: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAILBOX_MESSAGES", 10)
    gates["slow"] = threading.Event()
    ref = client.entity(Counter, "slow")
    first = ref.call(Counter.add_when_open, 1)
    client.entity(Counter, "other").call(Counter.read).get(timeout=5)
    replies = [ref.call(Counter.add, 1) for _ in range(30)]

    with pytest.raises(perdure.MailboxFullError, match="retry later"):
        replies[-1].get(timeout=5)

    gates["slow"].set()
    assert first.get(timeout=5) == 1
    assert replies[0].get(timeout=5) == 2


def test_idle_actors_leave_memory_and_come_back(client: EmbeddedClient) -> None:
    partition = client.node.partition
    client.node.ask_partition(lambda p: setattr(p.activation, "active_cells", 10))
    with client.pipeline() as pipeline:
        for number in range(200):
            pipeline.entity(Counter, f"k{number}").signal(Counter.add, 1)
    for number in range(200):
        assert client.entity(Counter, f"k{number}").call(Counter.add, 1).get(timeout=5) == 2

    client.node.ask_partition(lambda p: p.activation.sweep())
    assert len(partition.cells) <= 11


def test_a_closed_client_refuses_by_name(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a")
    client.close()

    with pytest.raises(perdure.NodeClosedError, match="open the app again"):
        ref.call(Counter.add, 1)
    with pytest.raises(perdure.NodeClosedError):
        ref.signal(Counter.add, 1)
    with pytest.raises(perdure.NodeClosedError):
        ref.get()


def test_closing_waits_for_what_is_in_hand() -> None:
    gates["slow"] = threading.Event()
    client = app.open(":memory:")
    reply = client.entity(Counter, "slow").call(Counter.add_when_open, 1)
    threading.Timer(0.05, gates["slow"].set).start()

    client.close(timeout=5)

    assert reply.get(timeout=0) == 1


def test_closing_answers_what_it_cannot_wait_for() -> None:
    gates["slow"] = threading.Event()
    client = app.open(":memory:")
    reply = client.entity(Counter, "slow").call(Counter.add_when_open, 1)

    client.close(timeout=0.05)

    with pytest.raises(perdure.NodeClosedError):
        reply.get(timeout=0)
    gates["slow"].set()


def test_a_repeated_request_gets_the_first_outcome(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a").options(request_id="r1")

    answers = [ref.call(Counter.add, 1).get(timeout=5) for _ in range(3)]

    assert answers == [1, 1, 1]
    with pytest.raises(perdure.RequestMismatchError, match="r1"):
        ref.call(Counter.add, 2).get(timeout=5)


def test_a_call_with_the_id_of_a_signal_is_told_so(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a").options(request_id="r1")
    ref.signal(Counter.add, 1)

    with pytest.raises(perdure.RequestMismatchError, match=r"'r1' .* used by a signal"):
        ref.call(Counter.add, 1).get(timeout=5)
    assert client.entity(Counter, "a").call(Counter.add, 1).get(timeout=5) == 2


def test_a_repeat_in_flight_joins_the_first(client: EmbeddedClient) -> None:
    gates["slow"] = threading.Event()
    ref = client.entity(Counter, "slow").options(request_id="r1")
    replies = [ref.call(Counter.add_when_open, 1) for _ in range(3)]

    gates["slow"].set()

    assert [reply.get(timeout=5) for reply in replies] == [1, 1, 1]


def test_a_repeated_failure_fails_again_without_running(client: EmbeddedClient) -> None:
    ref = client.entity(Counter, "a").options(request_id="r1")

    for _ in range(2):
        with pytest.raises(perdure.OperationFailedError, match="planned"):
            ref.call(Counter.add_and_fail, 1).get(timeout=5)


def test_an_unknown_operation_is_refused_before_anything_is_sent(
    client: EmbeddedClient,
) -> None:
    with pytest.raises(perdure.UnknownOperationError, match="it has add"):
        client.entity(Counter, "a").signal("subtract", 1)
    with pytest.raises(perdure.InvalidInputError, match="amount"):
        client.entity(Counter, "a").signal("add", "many")
    with pytest.raises(perdure.UnknownEntityError, match="registered"):
        client.entity("nobody", "a")
    with pytest.raises(perdure.InvalidIdError):
        client.entity(Counter, "")


def test_a_full_mailbox_refuses_signals_by_their_ids(
    client: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAILBOX_MESSAGES", 10)
    gates["slow"] = threading.Event()
    first = client.entity(Counter, "slow").call(Counter.add_when_open, 1)
    client.entity(Counter, "other").call(Counter.read).get(timeout=5)
    for _ in range(10):
        client.entity(Counter, "slow").signal(Counter.add, 1)

    pipeline = client.pipeline()
    pipeline.entity(Counter, "slow").options(request_id="refused").signal(Counter.add, 1)
    pipeline.entity(Counter, "other").signal(Counter.add, 1)
    pipeline.wait()

    [failure] = pipeline.failures
    assert failure.request_ids == ("refused",)
    assert isinstance(failure.error, perdure.MailboxFullError)
    assert client.entity(Counter, "other").call(Counter.read).get(timeout=5) == 1
    gates["slow"].set()
    assert first.get(timeout=5) == 1
    assert client.entity(Counter, "slow").call(Counter.read).get(timeout=5) == 11


def test_a_request_id_used_for_something_else_fails_in_a_pipeline_too(
    client: EmbeddedClient,
) -> None:
    pipeline = client.pipeline()
    ref = pipeline.entity(Counter, "a").options(request_id="r1")
    ref.signal(Counter.add, 1)
    ref.signal(Counter.add, 1)
    ref.signal(Counter.add, 2)
    pipeline.wait()

    [failure] = pipeline.failures
    assert isinstance(failure.error, perdure.RequestMismatchError)
    assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 1
