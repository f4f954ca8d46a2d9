"""Activities on real threads and an event loop: what blocks, what comes late, and the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.actors import limits
from tests.orchestration.threaded import Threads, threads, wait_until

app = perdure.App("threads")


class Stage:
    """What activities wait for, and what they saw."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.log: list[Any] = []
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1


stage = Stage()


@pytest.fixture(autouse=True)
def fresh_stage() -> Iterator[None]:
    global stage
    stage = Stage()
    yield
    stage.go.set()  # lets go of every thread that still waits


@app.activity(timeout=timedelta(minutes=1))
def block(word: str) -> str:
    here = stage
    here.log.append(f"{word} began")
    here.go.wait(30)
    here.log.append(f"{word} ended")
    return word


@app.activity
def block_and_watch(_: None = None) -> None:
    here, context = stage, perdure.activity_context()
    here.log.append("began")
    while not context.is_cancelled:
        here.go.wait(0.002)
    try:
        context.heartbeat()
    except perdure.CancelledError as error:
        here.log.append(error.reason)
        raise


@app.activity
async def sleep_for_ever(_: None = None) -> None:
    here = stage
    here.log.append("began")
    try:
        await asyncio.sleep(3600)
    finally:
        here.log.append("stopped")


@app.activity(concurrency=3)
def three_at_once(number: int) -> int:
    stage.enter()
    stage.go.wait(0.005)
    stage.leave()
    return number


@app.activity
async def meet(number: int) -> int:
    """All wait for each other, so they must be on the event loop together."""
    stage.log.append(number)
    while len(stage.log) < 200:
        await asyncio.sleep(0)
    return number


@app.activity
def with_context(ctx: perdure.ActivityContext, word: str) -> list[Any]:
    return [ctx.orchestration_id, ctx.task_id, ctx is perdure.activity_context(), word]


@app.activity
def untyped(ctx: Any, number: Any) -> Any:
    return [ctx.orchestration_id, number]


@app.activity
def tell_after_the_end(_: None = None) -> str:
    here, context = stage, perdure.activity_context()
    here.log.append("began")
    here.go.wait(30)
    context.client.orchestration(context.orchestration_id).raise_event("late")
    return "told"


@app.orchestrator
async def run(ctx: perdure.OrchestrationContext, asked: tuple[str, Any]) -> Any:
    return await ctx.call_activity(*asked)


@app.orchestrator
async def run_all(ctx: perdure.OrchestrationContext, asked: list[tuple[str, Any]]) -> Any:
    return await perdure.when_all([ctx.call_activity(*one) for one in asked])


@pytest.fixture
def world() -> Iterator[Threads]:
    with threads(app) as world:
        yield world
        stage.go.set()


def details_of(ref: perdure.OrchestrationRef[Any]) -> perdure.FailureDetails:
    with pytest.raises(perdure.OrchestrationFailedError) as caught:
        ref.result(30)
    details = caught.value.details
    assert details is not None
    return details


def test_a_blocked_thread_is_given_up_after_the_timeout_and_what_it_gives_is_ignored(
    world: Threads,
) -> None:
    ref = world.client.start(run, ("block", "a"))
    wait_until(lambda: stage.log)
    world.advance(seconds=60)
    assert details_of(ref).is_caused_by(perdure.ActivityTimeoutError)
    version = ref.status()

    stage.go.set()
    wait_until(lambda: stage.log == ["a began", "a ended"])
    world.client.start(run, ("three_at_once", 1)).result(30)
    assert ref.status() == version
    assert len([e for e in ref.history() if e.event_type.startswith("Task")]) == 2


def test_waiting_for_a_thread_is_no_part_of_the_timeout(
    world: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ACTIVITY_THREADS", 4)
    blocked = [world.client.start(run, ("block_and_watch", None)) for _ in range(4)]
    wait_until(lambda: stage.log == ["began"] * 4)
    ref = world.client.start(run, ("block", "a"))
    wait_until(ref.activities)
    for _ in range(5):
        world.advance(seconds=60)
        [attempt] = ref.activities()
        assert (attempt.begun_at, attempt.is_cancelled) == (None, False)

    for other in blocked:
        other.cancel()
    wait_until(lambda: "a began" in stage.log)
    world.advance(seconds=59)
    assert len(ref.activities()) == 1
    world.advance(seconds=1)
    assert details_of(ref).is_caused_by(perdure.ActivityTimeoutError)


@pytest.mark.parametrize(
    ("how", "told"), [("cancel", "cancelled"), ("terminate", "terminated")]
)
def test_a_thread_learns_that_its_result_is_not_needed(
    world: Threads, how: str, told: str
) -> None:
    ref = world.client.start(run, ("block_and_watch", None), instance_id="i")
    wait_until(lambda: stage.log)
    getattr(ref, how)()

    wait_until(lambda: len(stage.log) == 2)
    assert stage.log[1] == f"orchestration i was {told}"


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_a_coroutine_is_stopped_where_it_waits(world: Threads, how: str) -> None:
    ref = world.client.start(run, ("sleep_for_ever", None))
    wait_until(lambda: stage.log)
    getattr(ref, how)()

    wait_until(lambda: stage.log == ["began", "stopped"])


def test_no_more_run_at_once_than_the_concurrency_says(world: Threads) -> None:
    asked = [("three_at_once", number) for number in range(30)]

    assert world.client.start(run_all, asked).result(30) == list(range(30))
    assert stage.most == 3


def test_coroutines_share_one_event_loop(world: Threads) -> None:
    asked = [("meet", number) for number in range(200)]

    assert world.client.start(run_all, asked).result(30) == list(range(200))


def test_activities_of_the_durable_task_sdk_get_their_context(world: Threads) -> None:
    asked = [("with_context", "a"), ("untyped", 7)]
    got = world.client.start(run_all, asked, instance_id="i").result(30)

    assert got == [["i", 1, True, "a"], ["i", 7]]


def test_outside_an_activity_there_is_no_context() -> None:
    with pytest.raises(perdure.NotAllowedHereError, match="inside an activity only"):
        perdure.activity_context()


def test_an_attempt_that_the_end_of_the_node_made_fail_begins_again(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.db")
    client = app.open(path)
    client.start(run, ("tell_after_the_end", None), instance_id="i")
    wait_until(lambda: stage.log)
    closing = threading.Thread(target=client.close)
    closing.start()
    wait_until(lambda: client.node.closed)
    stage.go.set()
    closing.join(30)

    with app.open(path) as client:
        assert client.orchestration("i").result(30) == "told"
    assert stage.log == ["began", "began"]


def test_work_that_no_thread_has_taken_is_not_done_after_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "ACTIVITY_THREADS", 1)
    with threads(app) as world:
        ref = world.client.start(run_all, [("block", "a"), ("block", "b")])
        wait_until(lambda: stage.log and len(ref.activities()) == 2)
        before = threading.active_count()
        assert not world.client.close(timeout=0)
        stage.go.set()
        wait_until(lambda: threading.active_count() < before)

    assert [line for line in stage.log if line.endswith("began")] == ["a began"]
