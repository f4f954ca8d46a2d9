"""Tasks: waiting for all or any, failures and their details, retries, and what is recorded."""

from __future__ import annotations

import traceback
import typing
from datetime import timedelta
from itertools import pairwise

import pytest

import perdure
from perdure.actors.answers import NULL
from perdure.orchestration import history
from perdure.orchestration.effects import answer
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("tasks")
SECOND = timedelta(seconds=1)
ran: list[str] = []
times: list[float] = []
policies: list[perdure.RetryPolicy] = []


class Refused(Exception):  # noqa: N818 - as users name them
    """Says more of itself than its message."""

    is_non_retriable = True

    def __init__(self, what: str, code: int = 0) -> None:
        super().__init__(what)
        self.failure_properties = {"code": code}


@app.error
class Known(Exception):  # noqa: N818
    """Registered."""


@app.activity
def act(name: str) -> str:
    """Fail as the name says."""
    ran.append(name)
    if name.startswith("refuse"):
        raise Refused(name, 42) from ValueError("the cause")
    if name.startswith("known"):
        raise Known(name)
    if name.startswith("fail"):
        raise ValueError(name)
    return name


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        if amount < 0:
            msg = "negative"
            raise ValueError(msg)
        self.balance += amount
        return self.balance


@app.orchestrator
async def all_of(ctx: perdure.OrchestrationContext, names: list[str]) -> list[str]:
    return await perdure.when_all([ctx.call_activity(act, name) for name in names])


@app.orchestrator
async def all_with_timer(ctx: perdure.OrchestrationContext) -> str:
    tasks = [ctx.call_activity(act, "fail second"), ctx.call_activity(act, "fail third")]
    both = perdure.when_all((ctx.create_timer(10 * SECOND), perdure.when_all(tasks)))
    before = ctx.current_utc_datetime
    try:
        await both
    except perdure.TaskFailedError as error:
        return f"{error.details.message} after {ctx.current_utc_datetime - before}"
    return "none failed"


@app.orchestrator
async def any_of(ctx: perdure.OrchestrationContext) -> tuple[bool, bool, str]:
    slow = ctx.create_timer(10 * SECOND)
    failing = ctx.call_activity(act, "fail")
    first = await perdure.when_any([slow, failing])
    was_first = first is failing and first.is_failed
    others_go_on = not slow.is_complete
    await slow
    return was_first, others_go_on, type(failing.get_exception()).__name__


@app.orchestrator
async def empty(ctx: perdure.OrchestrationContext) -> list[int]:
    nothing: list[perdure.Task[int]] = []
    return await perdure.when_all(nothing)


@app.orchestrator
async def catching(ctx: perdure.OrchestrationContext, name: str) -> list[str]:
    try:
        await ctx.call_activity(act, name)
    except Known as error:
        return ["Known", str(error), type(error.__cause__).__name__]
    except perdure.TaskFailedError as error:
        return [type(error).__name__, error.details.error_type]
    return []


@app.orchestrator
async def trying(ctx: perdure.OrchestrationContext, name: str) -> str:
    return await ctx.call_activity(act, name, retry_policy=policies[-1])


@app.orchestrator
async def everything(ctx: perdure.OrchestrationContext) -> None:
    ctx.patched("x")
    await ctx.call_activity(act, "one", tags={"a": "b"})
    await ctx.call_sub_orchestrator(empty, tags={"c": "d"})
    account = ctx.entity(Account, "a")
    account.signal(Account.add, 1)
    async with ctx.lock_entities(account):
        await account.call(Account.add, 1)
    await ctx.create_timer(SECOND)
    ctx.send_event("nobody", "x")
    for name in ("fail", "entity", "child"):
        try:
            if name == "fail":
                await ctx.call_activity(act, "fail")
            elif name == "entity":
                await account.call(Account.add, -1)
            else:
                await ctx.call_sub_orchestrator(all_of, ["fail"])
        except perdure.TaskFailedError:
            continue
    await ctx.wait_for_external_event("go")
    await ctx.call_activity(act, "fail")


@pytest.fixture
def world() -> Simulation:
    ran.clear()
    policies.clear()
    return simulate(app)


def failure(ref: perdure.OrchestrationRef[object]) -> perdure.FailureDetails:
    with pytest.raises(perdure.OrchestrationFailedError) as error:
        ref.result(100_000)
    assert error.value.details is not None
    return error.value.details


def test_results_are_in_the_order_of_the_tasks(world: Simulation) -> None:
    assert world.client.start(all_of, ["c", "a", "b"]).result(1) == ["c", "a", "b"]


def test_the_first_failure_in_that_order_is_raised(world: Simulation) -> None:
    ref = world.client.start(all_of, ["a", "fail b", "fail c"])

    assert failure(ref).message.endswith("ValueError: fail b")
    assert sorted(ran) == ["a", "fail b", "fail c"]


def test_all_are_waited_for_also_after_a_failure(world: Simulation) -> None:
    assert world.client.start(all_with_timer).result(60) == "fail second after 0:00:10"


def test_the_first_of_many_may_be_a_failed_one_and_the_others_go_on(world: Simulation) -> None:
    assert world.client.start(any_of).result(60) == (True, True, "TaskFailedError")


def test_all_of_nothing_is_complete(world: Simulation) -> None:
    assert world.client.start(empty).result(1) == []


def test_the_details_of_a_failure_tell_all_of_it(world: Simulation) -> None:
    details = failure(world.client.start(all_of, ["refuse"]))
    inner = details.inner_failure

    assert details.error_type == "perdure.errors.TaskFailedError"
    assert inner is not None
    assert (inner.error_type.rpartition(".")[2], inner.message) == ("Refused", "refuse")
    assert inner.properties == {"code": 42}
    assert inner.is_non_retriable
    assert "in act" in (inner.stack_trace or "")
    assert inner.inner_failure is not None
    assert inner.inner_failure.message == "the cause"
    assert details.is_caused_by(Refused)
    assert details.is_caused_by("Refused")
    assert details.is_caused_by(ValueError)
    assert not details.is_caused_by(KeyError)


def test_a_traceback_of_a_failure_ends_with_the_lines_that_it_came_from(
    world: Simulation,
) -> None:
    with pytest.raises(perdure.OrchestrationFailedError) as caught:
        world.client.start(all_of, ["refuse"]).result(60)

    told = "".join(traceback.format_exception(caught.value)).splitlines()
    starts = [told[n + 1] for n, line in enumerate(told) if line.startswith("Traceback")]
    assert [line.rpartition(" ")[2] for line in starts[1:]] == ["all_of", "act"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("known thing", ["Known", "known thing", "TaskFailedError"]),
        ("fail thing", ["TaskFailedError", "ValueError"]),
    ],
)
def test_a_registered_class_is_raised_again_others_are_a_task_failed_error(
    world: Simulation, name: str, told: list[str]
) -> None:
    assert world.client.start(catching, name).result(1) == told


# ---- retries -----------------------------------------------------------------------------


def policy(**options: object) -> perdure.RetryPolicy:
    given: dict[str, object] = {"first_retry_interval": SECOND, "max_number_of_attempts": 4}
    made = perdure.RetryPolicy(**{**given, **options})  # type: ignore[arg-type]
    policies.append(made)
    return made


def attempts_after(world: Simulation, name: str = "fail") -> list[float]:
    """When each attempt began, in seconds after the first."""
    begun = world.now
    ref = world.client.start(trying, name)
    failure(ref)
    at = [e.time for e in ref.history() if e.event_type == "TaskScheduled"]
    return [round(micros / 1e6 - begun.timestamp(), 6) for micros in at]


def is_key_error(failure: perdure.FailureDetails) -> bool:
    return failure.is_caused_by(KeyError)


def is_value_error(failure: perdure.FailureDetails) -> bool:
    return failure.is_caused_by(ValueError)


POLICIES: list[tuple[dict[str, object], list[float]]] = [
    ({}, [0, 1, 2, 3]),
    ({"max_number_of_attempts": 1}, [0]),
    ({"backoff_coefficient": 3}, [0, 1, 4, 13]),
    ({"backoff_coefficient": 3, "max_retry_interval": 5 * SECOND}, [0, 1, 4, 9]),
    ({"backoff_coefficient": 3, "retry_timeout": 4 * SECOND}, [0, 1, 4]),
    ({"handle_failure": is_key_error}, [0]),
    ({"handle_failure": is_value_error}, [0, 1, 2, 3]),
]


@pytest.mark.parametrize(("options", "expected"), POLICIES)
def test_attempts_follow_the_policy(
    world: Simulation, options: dict[str, object], expected: list[float]
) -> None:
    policy(**options)

    assert attempts_after(world) == expected


def test_what_is_not_retriable_is_not_tried_again(world: Simulation) -> None:
    policy()

    assert attempts_after(world, "refuse") == [0]


def test_the_time_for_retries_is_recorded_time_and_the_same_on_replay(
    world: Simulation,
) -> None:
    policy(retry_timeout=10 * SECOND)
    ref = world.client.start(trying, "fail", instance_id="t")
    world.settle()
    ref.suspend()
    world.advance(minutes=5)
    world.crash()
    ref = world.client.orchestration("t")
    ref.resume()
    failure(ref)
    world.crash()
    ref = world.client.orchestration("t")
    ref.rewind()
    failure(ref)

    assert ran == ["fail", "fail", "fail"]  # two, and one again after the rewind


def test_jitter_shortens_waits_and_is_the_same_on_replay(world: Simulation) -> None:
    policy(jitter=1.0, max_number_of_attempts=6)
    waits = attempts_after(world)
    assert all(0 <= b - a < 1 for a, b in pairwise(waits))
    assert len(waits) == 6
    world.client.start(trying, "fail", instance_id="t")
    for _ in range(6):
        world.advance(milliseconds=500)
        world.crash()
    world.advance(seconds=6)

    state = world.client.orchestration("t").status()
    assert state is not None
    assert (state.runtime_status, state.is_stalled) == ("Failed", False)


def broken(_: perdure.FailureDetails) -> bool:
    msg = "a bug of the user's"
    raise LookupError(msg)


def test_a_predicate_that_raises_fails_the_task(world: Simulation) -> None:
    policy(handle_failure=broken)

    assert failure(world.client.start(trying, "fail")).is_caused_by(LookupError)


# ---- the history -------------------------------------------------------------------------


def test_every_kind_of_event_is_in_the_history(world: Simulation) -> None:
    ref = world.client.start(everything, instance_id="e")
    world.advance(minutes=1)
    ref.suspend()
    ref.resume()
    ref.raise_event("go")
    failure(ref)
    ref.rewind()
    failure(ref)
    other = world.client.start(everything, instance_id="o")
    world.settle()
    other.cancel()
    third = world.client.start(everything, instance_id="t")
    world.settle()
    third.terminate()
    world.settle()
    seen = {e.event_type for r in (ref, other, third) for e in r.history()}
    known = {kind.__name__ for kind in typing.get_args(history.Event)}

    # a new generation drops the history that a ContinueAsNew ended
    assert known - seen == {"ContinueAsNew", "GenericEvent"}


def test_tags_of_tasks_are_in_the_history(world: Simulation) -> None:
    ref = world.client.start(everything, instance_id="e")
    world.advance(minutes=1)
    tags = [
        event.tags
        for event in ref.history()
        if isinstance(event, history.TaskScheduled | history.SubOrchestrationInstanceCreated)
    ]

    assert {"a": "b"} in tags
    assert {"c": "d"} in tags


def test_task_numbers_count_from_one_in_each_generation(world: Simulation) -> None:
    ref = world.client.start(everything, instance_id="e")
    world.advance(minutes=1)
    numbers = [
        event.id
        for event in ref.history()
        if isinstance(event, history.TaskEvent) and isinstance(event, history.DECISIONS)
    ]

    assert numbers[:4] == [1, 2, 3, 5]  # 4 names the critical section
    assert numbers == sorted(set(numbers))


def test_an_answer_to_nothing_is_ignored(world: Simulation) -> None:
    ref = world.client.start(everything, instance_id="e")
    world.advance(minutes=1)
    before = [event.event_type for event in ref.history()]
    generation = ref.status().generation  # type: ignore[union-attr]
    for task in (f"{generation}:1", f"{generation}:99", "other:1", "nonsense"):
        message = answer("e", task, "@@act", NULL, None)
        world.client.send_call(message, lambda _: None).get(1)

    assert [event.event_type for event in ref.history()] == before
    assert world.client.status()["answers_ignored"] == 4
