"""What an attempt knows of itself, and how it is stopped: timeouts, heartbeats, cancelling."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("attempts")
log: list[Any] = []
"""What activities saw, in order."""


@app.activity
async def sleep(seconds: float) -> str:
    log.append(("began", seconds))
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        log.append(("stopped", seconds))
        raise
    log.append(("ended", seconds))
    return "slept"


@app.activity(timeout=timedelta(minutes=1))
async def hurry(seconds: float) -> str:
    return await sleep(seconds)


@app.activity(heartbeat_timeout=timedelta(seconds=10))
async def beat(pauses: list[float]) -> str:
    for place, seconds in enumerate(pauses):
        perdure.activity_context().heartbeat({"done": place})
        await asyncio.sleep(seconds)
    return "beaten"


@app.activity
async def count_up(to: int) -> None:
    counted: list[int] = []
    for number in range(to):
        counted.append(number)
        perdure.activity_context().heartbeat(counted)
        await asyncio.sleep(1)


@app.activity
def tell_nonsense(_: None = None) -> None:
    perdure.activity_context().heartbeat(float("nan"))


@app.activity(concurrency=1)
async def alone(seconds: float) -> str:
    return await sleep(seconds)


@app.activity
def identify(succeeds_at: int) -> str:
    context = perdure.activity_context()
    log.append((context.attempt, context.idempotency_key))
    if context.attempt < succeeds_at:
        msg = "not yet"
        raise ValueError(msg)
    return context.idempotency_key


@app.activity
async def number(seconds: float) -> None:
    log.append((seconds, perdure.activity_context().attempt))
    await asyncio.sleep(seconds)


@app.activity
def stop_yourself(_: None = None) -> None:
    perdure.activity_context().cancel("it asks for it")
    perdure.activity_context().heartbeat()


@app.activity
def tell_owner(word: str) -> str:
    context = perdure.activity_context()
    context.client.orchestration(context.orchestration_id).raise_event("word", word)
    return "told"


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, asked: tuple[str, Any]) -> Any:
    return await ctx.call_activity(asked[0], asked[1])


@app.orchestrator
async def run_all(ctx: perdure.OrchestrationContext, asked: list[tuple[str, Any]]) -> Any:
    return await perdure.when_all([ctx.call_activity(*one) for one in asked])


@app.orchestrator
async def run_again(ctx: perdure.OrchestrationContext, asked: tuple[str, Any]) -> Any:
    policy = perdure.RetryPolicy(
        first_retry_interval=timedelta(seconds=5), max_number_of_attempts=3
    )
    return await ctx.call_activity(asked[0], asked[1], retry_policy=policy)


@app.orchestrator
async def listen(ctx: perdure.OrchestrationContext) -> list[str]:
    task = ctx.call_activity(tell_owner, "hello")
    return [await ctx.wait_for_external_event("word", str), await task]


@app.orchestrator
async def clean_up(ctx: perdure.OrchestrationContext) -> str:
    try:
        await ctx.call_activity(sleep, 600.0)
    except perdure.CancelledError:
        return await ctx.call_activity(sleep, 1.0)
    return "not reached"


@pytest.fixture
def world() -> Iterator[Simulation]:
    log.clear()
    with simulate(app) as world:
        yield world


def failure_of(ref: perdure.OrchestrationRef[Any], seconds: float = 3600) -> Any:
    with pytest.raises(perdure.OrchestrationFailedError) as caught:
        ref.result(seconds)
    details = caught.value.details
    assert details is not None
    return details


# ---- timeouts ---------------------------------------------------------------------------


def test_an_attempt_that_takes_too_long_fails_with_a_typed_error(world: Simulation) -> None:
    ref = world.client.start(run, ("hurry", 61.0))
    world.advance(seconds=59)
    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]
    world.advance(seconds=1)

    details = failure_of(ref, 0)
    assert details.is_caused_by(perdure.ActivityTimeoutError)
    assert "took longer than 0:01:00" in details.message


def test_one_that_is_quick_enough_does_not(world: Simulation) -> None:
    assert world.client.start(run, ("hurry", 59.0)).result(3600) == "slept"


def test_a_coroutine_that_took_too_long_is_stopped(world: Simulation) -> None:
    failure_of(world.client.start(run, ("hurry", 3600.0)))
    world.advance(hours=2)

    assert log == [("began", 3600.0), ("stopped", 3600.0)]


def test_a_policy_tries_again_what_took_too_long(world: Simulation) -> None:
    ref = world.client.start(run_again, ("hurry", 3600.0))
    world.advance(seconds=60 + 5 + 60 + 5 + 59)
    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]

    world.advance(seconds=1)

    assert failure_of(ref, 0).is_caused_by(perdure.ActivityTimeoutError)
    assert [word for word, _ in log] == ["began", "stopped"] * 3


# ---- heartbeats -------------------------------------------------------------------------


def test_one_that_is_silent_for_too_long_fails(world: Simulation) -> None:
    ref = world.client.start(run, ("beat", [9.0, 9.0, 11.0]))
    world.advance(seconds=27)
    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]

    details = failure_of(ref)
    assert details.is_caused_by(perdure.ActivityTimeoutError)
    assert "no heartbeat for 0:00:10" in details.message


def test_one_that_tells_that_it_is_alive_may_take_as_long_as_it_likes(
    world: Simulation,
) -> None:
    assert world.client.start(run, ("beat", [9.0] * 100)).result(3600) == "beaten"


def test_a_client_sees_what_the_last_heartbeat_told(world: Simulation) -> None:
    began = world.now
    ref = world.client.start(run, ("beat", [5.0, 5.0, 5.0]))
    world.advance(seconds=12)

    [attempt] = ref.activities()
    assert (attempt.name, attempt.task_id, attempt.attempt) == ("beat", 1, 1)
    assert attempt.progress == {"done": 2}
    assert attempt.begun_at == began
    assert attempt.heartbeat_at == began + timedelta(seconds=10)
    assert not attempt.is_cancelled
    [other] = world.client.start(run, ("sleep", 1.0)).activities()
    assert (other.name, other.begun_at, other.progress) == ("sleep", None, None)

    ref.result(60)
    assert ref.activities() == []


def test_progress_is_a_value_of_its_time(world: Simulation) -> None:
    ref = world.client.start(run, ("count_up", 3))
    world.settle()
    seen: list[Any] = []
    for _ in range(3):
        seen.append(ref.activities()[0].progress)
        world.advance(seconds=1)

    assert seen == [[0], [0, 1], [0, 1, 2]]
    details = failure_of(world.client.start(run, ("tell_nonsense", None)))
    assert details.is_caused_by(perdure.EncodingError)
    assert "the progress of tell_nonsense" in details.message


def test_the_end_waits_for_attempts_for_so_long_only(world: Simulation) -> None:
    world.client.start(run, ("sleep", 20.0))
    world.settle()
    assert world.client.close()
    assert log[-1] == ("ended", 20.0)

    world.crash()
    world.client.start(run, ("sleep", 60.0))
    world.settle()
    assert not world.client.close()
    assert log[-1] == ("began", 60.0)


# ---- who it is --------------------------------------------------------------------------


def test_all_tries_of_a_policy_share_one_idempotency_key_and_are_counted(
    world: Simulation,
) -> None:
    key = world.client.start(run_again, ("identify", 3), instance_id="i").result(60)

    assert log == [(1, key), (2, key), (3, key)]
    assert key.startswith("i:")


def test_two_tasks_have_two_keys(world: Simulation) -> None:
    first, second = world.client.start(run_all, [("identify", 1)] * 2).result(60)

    assert first != second


def test_the_count_of_tries_survives_a_crash(world: Simulation) -> None:
    ref = world.client.start(run_again, ("identify", 3), instance_id="i")
    for _ in range(2):
        world.settle()
        world.crash()
        world.advance(seconds=5)
    ref = world.client.orchestration("i")
    key = ref.result(60)

    assert {number for number, _ in log} == {1, 2, 3}
    assert {name for _, name in log} == {key}


def test_runs_after_a_crash_are_no_first_ones(world: Simulation) -> None:
    world.client.start(run_all, [("number", 600.0), ("number", 700.0)], instance_id="i")
    for _ in range(4):
        world.advance(seconds=1)
        world.crash()
    world.client.orchestration("i").result(3600)

    for seconds in (600.0, 700.0):
        numbers = [attempt for name, attempt in log if name == seconds]
        assert numbers[0] == 1
        assert numbers == sorted(numbers)
        assert min(numbers[1:]) == 2


def test_an_activity_may_use_the_client(world: Simulation) -> None:
    assert world.client.start(listen).result(60) == ["hello", "told"]


def test_an_activity_that_nobody_has_registered_is_told_by_its_type(world: Simulation) -> None:
    details = failure_of(world.client.start(run, ("unheard_of", None)))

    assert details.is_caused_by(perdure.UnknownActivityError)
    assert "'unheard_of' is no activity of this app" in details.message


# ---- cancelling -------------------------------------------------------------------------


def test_an_attempt_that_stops_since_it_is_not_wanted_is_a_failure(world: Simulation) -> None:
    details = failure_of(world.client.start(run, ("stop_yourself", None)))

    assert details.is_caused_by(perdure.CancelledError)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_a_coroutine_whose_orchestration_is_ended_is_stopped(
    world: Simulation, how: str
) -> None:
    ref = world.client.start(run, ("sleep", 600.0))
    world.advance(seconds=1)
    getattr(ref, how)()
    world.advance(seconds=1)

    assert log == [("began", 600.0), ("stopped", 600.0)]


def test_what_cleans_up_after_a_cancel_is_not_cancelled(world: Simulation) -> None:
    ref = world.client.start(clean_up)
    world.advance(seconds=1)
    ref.cancel("enough")

    assert ref.result(60) == "slept"
    assert log[-1] == ("ended", 1.0)


def test_an_attempt_that_waits_for_room_is_never_begun_when_it_is_cancelled(
    world: Simulation,
) -> None:
    other = world.client.start(run, ("alone", 5.0))
    ref = world.client.start(run_all, [("alone", 1.0), ("alone", 2.0)])
    last = world.client.start(run, ("alone", 3.0))
    world.advance(seconds=1)
    ref.cancel()

    assert (other.result(60), last.result(60)) == ("slept", "slept")
    assert [number for word, number in log if word == "began"] == [5.0, 3.0]


# ---- how many at once -------------------------------------------------------------------


def test_an_attempt_takes_its_place_also_when_its_actor_was_passivated(
    world: Simulation,
) -> None:
    first = world.client.start(run, ("alone", 600.0))
    world.advance(seconds=300)  # after a minute without a message the actor is let go
    second = world.client.start(run, ("alone", 1.0))
    world.advance(seconds=60)
    assert log == [("began", 600.0)]

    second.cancel()
    first.cancel()
    world.advance(seconds=1)
    assert log == [("began", 600.0), ("stopped", 600.0)]
