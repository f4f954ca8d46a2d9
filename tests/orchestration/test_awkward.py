"""Ids, clocks, limits and errors at which systems like this one have failed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.actors.codec import PAYLOAD_LIMIT
from perdure.orchestration.history import (
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TimerCreated,
    TimerFired,
)
from perdure.orchestration.simulation import simulate

app = perdure.App("awkward")
attempts: list[perdure.ActivityContext] = []


@app.activity
def large(number: int) -> str:
    return "x" * number


@app.activity
def busy(text: str) -> None:
    raise sqlite3.OperationalError(text)


@app.activity
def noted() -> int:
    attempts.append(perdure.activity_context())
    return len(attempts)


@app.orchestrator
async def calling(ctx: perdure.OrchestrationContext, activity: list[Any]) -> str:
    name, given = activity
    try:
        await ctx.call_activity(name, given)
    except perdure.TaskFailedError as error:
        return error.details.error_type
    return "done"


@app.orchestrator
async def own_child(ctx: perdure.OrchestrationContext) -> str:
    await ctx.call_sub_orchestrator(drawing, instance_id=ctx.instance_id)
    return "done"


@app.orchestrator
async def twins(ctx: perdure.OrchestrationContext) -> list[bool]:
    children = [
        ctx.call_sub_orchestrator(waiting, timedelta(seconds=1), instance_id="twin")
        for _ in range(2)
    ]
    with pytest.raises(perdure.TaskFailedError):
        await perdure.when_all(children)
    return [child.is_failed for child in children]


@app.orchestrator
async def drawing(ctx: perdure.OrchestrationContext) -> list[str]:
    first = [str(ctx.new_uuid()), str(ctx.random.random())]
    await ctx.create_timer(timedelta(seconds=1))
    return [*first, str(ctx.new_uuid()), str(ctx.random.random())]


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext, delay: timedelta) -> str:
    await ctx.create_timer(delay)
    return "waited"


@app.orchestrator
async def working(ctx: perdure.OrchestrationContext) -> int:
    return await ctx.call_activity(noted)


def test_a_child_with_its_parents_id_fails_and_leaves_the_parents_history_alone() -> None:
    with simulate(app) as world:
        ref = world.client.start(own_child, instance_id="p")
        with pytest.raises(perdure.OrchestrationFailedError, match="exists"):
            ref.result(60)

        kinds = [type(event) for event in ref.history()]
        assert SubOrchestrationInstanceCreated in kinds
        assert SubOrchestrationInstanceFailed in kinds


def test_of_two_children_with_one_id_one_runs() -> None:
    with simulate(app) as world:
        assert world.client.start(twins, instance_id="p").result(60) == [False, True]


def test_a_history_never_goes_back_in_time_though_the_clock_does() -> None:
    world = simulate(app)
    world.client.start(waiting, timedelta(seconds=10), instance_id="w")
    world.advance(seconds=5)
    world.client.orchestration("w").suspend()
    world.runtime.clock.micros -= 3_600_000_000
    world.crash()
    world.client.orchestration("w").resume()
    assert world.client.orchestration("w").result(7200) == "waited"

    times = [event.time for event in world.client.orchestration("w").history()]
    assert times == sorted(times)


def test_a_timer_counts_from_recorded_time_and_is_not_early_after_a_jump() -> None:
    world = simulate(app)
    ref = world.client.start(waiting, timedelta(hours=1), instance_id="w")
    world.settle()
    world.runtime.clock.micros += 30 * 60 * 1_000_000
    world.crash()
    ref = world.client.orchestration("w")
    ref.suspend()  # has it replayed

    [timer] = [event for event in ref.history() if isinstance(event, TimerCreated)]
    ref.resume()
    assert ref.result(7200) == "waited"
    [fired] = [event for event in ref.history() if isinstance(event, TimerFired)]
    began = next(ref.history()).time
    assert timer.fire_at == began + 3_600_000_000
    assert fired.time >= timer.fire_at


@pytest.mark.parametrize(
    "delay", [timedelta.max, timedelta(days=3_000_000), timedelta(days=365 * 9000)], ids=str
)
def test_a_timer_that_no_clock_reaches_is_an_error_of_the_code(delay: timedelta) -> None:
    with simulate(app) as world:
        ref = world.client.start(waiting, delay, instance_id="w")
        with pytest.raises(perdure.OrchestrationFailedError, match="9999"):
            ref.result(60)
        assert world.client.node.store.waiting() == 0


def test_a_result_over_the_limit_fails_its_task_alone() -> None:
    with simulate(app) as world:
        ref = world.client.start(calling, ["large", PAYLOAD_LIMIT + 1], instance_id="l")
        other = world.client.start(calling, ["large", 1000], instance_id="o")

        assert ref.result(60) == "perdure.errors.PayloadTooLargeError"
        assert other.result(60) == "done"


def test_an_input_over_the_limit_starts_nothing() -> None:
    with simulate(app) as world:
        with pytest.raises(perdure.PayloadTooLargeError):
            world.client.start(calling, ["large", "x" * PAYLOAD_LIMIT], instance_id="l")

        assert world.client.orchestration("l").status() is None


def test_an_error_that_looks_like_the_stores_own_is_the_users() -> None:
    with simulate(app) as world:
        ref = world.client.start(calling, ["busy", "database is locked"], instance_id="b")

        assert ref.result(60) == "sqlite3.OperationalError"


def test_an_attempt_that_a_crash_cut_off_has_the_same_key() -> None:
    attempts.clear()
    world = simulate(app)
    world.client.start(working, instance_id="w")
    while not attempts:
        world.runtime.step()
    world.crash()

    assert world.client.orchestration("w").result(60) == 2
    first, second = attempts
    assert first.idempotency_key == second.idempotency_key


def test_random_numbers_are_of_the_generation_and_not_of_the_id() -> None:
    world = simulate(app)
    world.client.start(drawing, instance_id="d")
    world.settle()
    world.crash()
    first = world.client.orchestration("d").result(60)
    world.crash()
    again = world.client.orchestration("d").restart()

    assert set(first).isdisjoint(again.result(60))


@pytest.mark.parametrize(
    "pair", [("A", "a"), ("İ", "i"), ("é", "e\u0301"), ("x", "x "), ("ß", "SS")], ids=repr
)
def test_ids_that_only_look_alike_are_two_orchestrations(pair: tuple[str, str]) -> None:
    with simulate(app) as world:
        for number, name in enumerate(pair):
            world.client.start(calling, ["large", number], instance_id=name)

        inputs = [
            world.client.orchestration(name).status(fetch_input=True).input  # type: ignore[union-attr]
            for name in pair
        ]
        assert inputs == [["large", 0], ["large", 1]]


@pytest.mark.parametrize(
    "name", ["a b%20", "..", "😀", "a&b=c;d", "'; DROP TABLE x", "a" * 256]
)
def test_any_other_text_names_an_orchestration(name: str, tmp_path: Path) -> None:
    with app.open(tmp_path / "shop.db") as client:
        assert client.start(calling, ["large", 1], instance_id=name).result(30) == "done"
        assert [row.instance_id for row in client.query().items] == [name]


def test_a_damaged_history_stalls_its_orchestration_which_can_be_ended_and_purged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shop.db"
    with app.open(path) as client:
        client.start(waiting, timedelta(hours=1), instance_id="bad")
        client.start(waiting, timedelta(hours=1), instance_id="good")
    connection = sqlite3.connect(path)
    assert connection.execute("UPDATE turns SET crc = crc + 1 WHERE stream = 'bad'").rowcount
    connection.commit()
    connection.close()

    with app.open(path) as client:
        with pytest.raises(perdure.ReplyTimeoutError):
            client.orchestration("bad").result(0.01)
        client.orchestration("good").suspend()
        client.orchestration("bad").terminate()
        client.orchestration("bad").purge()

        assert client.orchestration("bad").status() is None
        client.orchestration("good").resume()
        assert client.orchestration("good").status().runtime_status == "Running"  # type: ignore[union-attr]


SHOP = """
import sys
from datetime import timedelta
import perdure

app = perdure.App("sets")

@app.activity
def work(word: str) -> str:
    return word

@app.orchestrator
async def each(ctx: perdure.OrchestrationContext, words: set[str]) -> list[str]:
    order = sorted(words) if "sorted" in words else words
    done = [await ctx.call_activity(work, word, tags={}) for word in order]
    return sorted(done + [await ctx.wait_for_external_event("go")])
"""


def test_code_does_the_same_under_another_hash_seed_when_it_sorts(tmp_path: Path) -> None:
    (tmp_path / "sets.py").write_text(SHOP)
    begin = """
import sets
with sets.app.open("s.db") as client:
    client.start(sets.each, {"sorted", *"abcdefgh"}, instance_id="s")
    while sum(e.event_type == "TaskCompleted" for e in client.orchestration("s").history()) < 9:
        pass
"""
    go_on = """
import sets
with sets.app.open("s.db") as client:
    client.orchestration("s").raise_event("go", "z")
    print(*client.orchestration("s").result(20))
"""
    told = ""
    for seed, code in (("1", begin), ("2", go_on)):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        told = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        ).stdout

    assert told.split() == [*"abcdefgh", "sorted", "z"]


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\nb", "@a", "a/b", "a#b", "a?b", "a\\b", "a" * 257]
)
def test_an_id_with_a_control_character_is_refused(name: str) -> None:
    with simulate(app) as world:
        with pytest.raises(perdure.InvalidIdError):
            world.client.start(calling, ["large", 1], instance_id=name)

        assert world.client.query().items == []
