"""What makes no sense is refused with a typed error, before anything is stored."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

import perdure
from perdure.actors.codec import PAYLOAD_LIMIT
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("refusing")
LARGE = "x" * (PAYLOAD_LIMIT + 1)
MINUTE = timedelta(minutes=1)
ALL: Any = perdure.when_all
ANY: Any = perdure.when_any


@app.activity
def double(number: int) -> int:
    return 2 * number


@app.activity
def nothing() -> None:
    """Take no input."""


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext, number: int) -> int:
    return number + await ctx.wait_for_external_event("go", int)


@app.orchestrator
async def without_input(ctx: perdure.OrchestrationContext) -> None:
    await ctx.wait_for_external_event("go")


@pytest.fixture(scope="module")
def world() -> Simulation:
    return simulate(app)


Use = Callable[[Any], object]
INVALID_INPUT = perdure.InvalidInputError
INVALID_ID = perdure.InvalidIdError

STARTS: list[tuple[str, type[Exception], Use]] = [
    ("unknown", perdure.UnknownOrchestratorError, lambda c: c.start("unknown")),
    ("function", perdure.UnknownOrchestratorError, lambda c: c.start(print)),
    ("number", perdure.UnknownOrchestratorError, lambda c: c.start(5)),
    ("unhashable", perdure.UnknownOrchestratorError, lambda c: c.start([])),
    ("input", perdure.DecodingError, lambda c: c.start("waiting", "one")),
    ("no input", perdure.DecodingError, lambda c: c.start("waiting")),
    ("too much", INVALID_INPUT, lambda c: c.start("without_input", 1)),
    ("nan", perdure.EncodingError, lambda c: c.start("waiting", math.nan)),
    ("object", perdure.EncodingError, lambda c: c.start("waiting", object())),
    ("large", perdure.PayloadTooLargeError, lambda c: c.start("waiting", LARGE)),
    ("id slash", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a/b")),
    ("id hash", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a#b")),
    ("id ?", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a?b")),
    ("id backslash", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a\\b")),
    ("id @", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="@account@a")),
    ("id control", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a\nb")),
    ("id long", INVALID_ID, lambda c: c.start(waiting, 1, instance_id="a" * 257)),
    ("id number", INVALID_ID, lambda c: c.start(waiting, 1, instance_id=5)),
    ("id zero", INVALID_ID, lambda c: c.start(waiting, 1, instance_id=0)),
    ("request number", INVALID_ID, lambda c: c.start(waiting, 1, request_id=5)),
    ("request surrogate", INVALID_ID, lambda c: c.start(waiting, 1, request_id="\ud800")),
    ("request empty", INVALID_ID, lambda c: c.start(waiting, 1, request_id="")),
    ("tag", INVALID_INPUT, lambda c: c.start(waiting, 1, tags={"a": 1})),
    ("tags", INVALID_INPUT, lambda c: c.start(waiting, 1, tags=5)),
    ("version", INVALID_INPUT, lambda c: c.start(waiting, 1, version=3)),
    ("at text", INVALID_INPUT, lambda c: c.start(waiting, 1, start_at="now")),
    ("at nan", INVALID_INPUT, lambda c: c.start(waiting, 1, start_at=math.nan)),
    ("at far", INVALID_INPUT, lambda c: c.start(waiting, 1, start_at=timedelta.max)),
    ("no id", INVALID_ID, lambda c: c.orchestration("")),
    ("entity's id", INVALID_ID, lambda c: c.orchestration("@account@a")),
    ("get id", INVALID_ID, lambda c: c.start_or_get(waiting, 1, instance_id="a/b")),
    ("get without id", INVALID_ID, lambda c: c.start_or_get(waiting, 1, instance_id="")),
    ("get input", perdure.DecodingError, lambda c: c.start_or_get(waiting, instance_id="a")),
]


def signal_with(name: Any = "go", data: Any = 1, instance_id: Any = "sws") -> Use:
    return lambda c: c.signal_with_start(waiting, name, data, instance_id=instance_id, input=1)


SIGNALS: list[tuple[str, type[Exception], Use]] = [
    ("name number", INVALID_ID, signal_with(name=5)),
    ("name empty", INVALID_ID, signal_with(name="")),
    ("data", perdure.EncodingError, signal_with(data=math.inf)),
    ("data large", perdure.PayloadTooLargeError, signal_with(data=LARGE)),
    ("id", INVALID_ID, signal_with(instance_id="a/b")),
    ("without id", INVALID_ID, signal_with(instance_id=None)),
]


@pytest.mark.parametrize(
    ("error", "use"), [pytest.param(e, u, id=i) for i, e, u in STARTS + SIGNALS]
)
def test_a_start_that_makes_no_sense_stores_nothing(
    world: Simulation, error: type[Exception], use: Use
) -> None:
    before = world.client.query().items

    with pytest.raises(error):
        use(world.client)

    assert world.client.query().items == before
    assert world.client.node.store.waiting() == 0


Ask = Callable[[Any], object]
ASKS: list[tuple[str, type[Exception], Ask]] = [
    ("event number", INVALID_ID, lambda r: r.raise_event(5)),
    ("event empty", INVALID_ID, lambda r: r.raise_event("")),
    ("event long", INVALID_ID, lambda r: r.raise_event("e" * 257)),
    ("event nan", perdure.EncodingError, lambda r: r.raise_event("go", math.nan)),
    ("event large", perdure.PayloadTooLargeError, lambda r: r.raise_event("go", LARGE)),
    ("terminate nan", perdure.EncodingError, lambda r: r.terminate(math.nan)),
    ("recursive", INVALID_INPUT, lambda r: r.terminate(recursive="yes")),
    ("cancel", INVALID_INPUT, lambda r: r.cancel(5)),
    ("suspend", INVALID_INPUT, lambda r: r.suspend(None)),
    ("suspend surrogate", INVALID_INPUT, lambda r: r.suspend("\ud800")),
    ("suspend long", perdure.PayloadTooLargeError, lambda r: r.suspend(LARGE)),
    ("resume", INVALID_INPUT, lambda r: r.resume(b"x")),
    ("rewind", INVALID_INPUT, lambda r: r.rewind(5)),
    ("rewind running", perdure.WrongStatusError, lambda r: r.rewind()),
    ("purge", INVALID_INPUT, lambda r: r.purge(recursive=1)),
    ("purge running", perdure.WrongStatusError, lambda r: r.purge()),
    ("restart id", INVALID_ID, lambda r: r.restart(new_instance_id="a/b")),
    ("restart entity", INVALID_ID, lambda r: r.restart(new_instance_id="@account@a")),
    ("restart living", perdure.InstanceAlreadyExistsError, lambda r: r.restart()),
    ("result nan", INVALID_INPUT, lambda r: r.result(math.nan)),
    ("result text", INVALID_INPUT, lambda r: r.result("5")),
    ("result negative", INVALID_INPUT, lambda r: r.result(-1)),
    ("wait nan", INVALID_INPUT, lambda r: r.wait_for_start(math.nan)),
]


@pytest.mark.parametrize(("error", "ask"), [pytest.param(e, a, id=i) for i, e, a in ASKS])
def test_a_request_that_makes_no_sense_changes_nothing(
    world: Simulation, error: type[Exception], ask: Ask
) -> None:
    ref = world.client.start_or_get(waiting, 1, instance_id="lives")
    world.settle()
    before = [event.event_type for event in ref.history()]

    with pytest.raises(error):
        ask(ref)

    assert [event.event_type for event in ref.history()] == before
    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.is_stalled) == ("Running", False)


QUERIES: list[tuple[str, Use]] = [
    ("status", lambda c: c.query(statuses=["running"])),
    ("statuses", lambda c: c.query(statuses="Running")),
    ("from", lambda c: c.query(created_from="2024")),
    ("to", lambda c: c.query(created_to=5)),
    ("limit 0", lambda c: c.query(limit=0)),
    ("limit large", lambda c: c.query(limit=1001)),
    ("limit text", lambda c: c.query(limit="5")),
    ("limit nan", lambda c: c.query(limit=math.nan)),
    ("prefix", lambda c: c.query(prefix=5)),
    ("name", lambda c: c.query(name=waiting)),
    ("tags", lambda c: c.query(tags={"a": 1})),
    ("parent", lambda c: c.query(parent=5)),
    ("custom", lambda c: c.query(custom_status=5)),
    ("after", lambda c: c.query(after=5)),
    ("count", lambda c: c.count(name=5)),
    ("count prefix", lambda c: c.count(prefix=5)),
    ("purge status", lambda c: c.purge_orchestrations(statuses=["Done"])),
    ("purge from", lambda c: c.purge_orchestrations(created_from="x")),
]


@pytest.mark.parametrize("use", [pytest.param(u, id=i) for i, u in QUERIES])
def test_a_query_that_makes_no_sense_is_refused(world: Simulation, use: Use) -> None:
    with pytest.raises(perdure.InvalidInputError):
        use(world.client)


# ---- in orchestrators --------------------------------------------------------------------

Try = Callable[[Any], object]
tried: list[Try] = []
POLICY = perdure.RetryPolicy(first_retry_interval=MINUTE, max_number_of_attempts=2)


@app.orchestrator
async def trying(ctx: perdure.OrchestrationContext) -> str:
    """Tell what the last of ``tried`` raises; and go on in spite of it."""
    try:
        tried[-1](ctx)
    except Exception as error:
        told = type(error).__name__
    else:
        told = "nothing"
    assert await ctx.wait_for_external_event("go", int) == 1
    return told


TRIES: list[tuple[str, str, Try]] = [
    ("activity", "UnknownActivityError", lambda c: c.call_activity(print)),
    ("activity number", "UnknownActivityError", lambda c: c.call_activity(5)),
    ("activity name", "InvalidIdError", lambda c: c.call_activity("")),
    ("input", "DecodingError", lambda c: c.call_activity("double", "one")),
    ("no input", "InvalidInputError", lambda c: c.call_activity("nothing", 1)),
    ("nan", "EncodingError", lambda c: c.call_activity("double", math.nan)),
    ("large", "PayloadTooLargeError", lambda c: c.call_activity("double", LARGE)),
    ("tags", "InvalidInputError", lambda c: c.call_activity(double, 1, tags={"a": 1})),
    ("policy", "InvalidInputError", lambda c: c.call_activity(double, 1, retry_policy=3)),
    ("child", "UnknownOrchestratorError", lambda c: c.call_sub_orchestrator("x")),
    ("child input", "DecodingError", lambda c: c.call_sub_orchestrator("waiting", "one")),
    (
        "child id",
        "InvalidIdError",
        lambda c: c.call_sub_orchestrator(waiting, 1, instance_id="a/b"),
    ),
    (
        "child tags",
        "InvalidInputError",
        lambda c: c.call_sub_orchestrator(waiting, 1, tags={"a": 1}),
    ),
    (
        "child version",
        "InvalidInputError",
        lambda c: c.call_sub_orchestrator(waiting, 1, version=3),
    ),
    ("timer", "InvalidInputError", lambda c: c.create_timer(5)),
    ("timer nan", "InvalidInputError", lambda c: c.create_timer(math.nan)),
    ("timer none", "InvalidInputError", lambda c: c.create_timer(None)),
    ("timer far", "InvalidInputError", lambda c: c.create_timer(timedelta.max)),
    ("event", "InvalidIdError", lambda c: c.wait_for_external_event("")),
    ("event number", "InvalidIdError", lambda c: c.wait_for_external_event(5)),
    (
        "event timeout",
        "InvalidInputError",
        lambda c: c.wait_for_external_event("go", timeout=5),
    ),
    ("send id", "InvalidIdError", lambda c: c.send_event("@account@a", "go")),
    ("send name", "InvalidIdError", lambda c: c.send_event("a", "")),
    ("send data", "EncodingError", lambda c: c.send_event("a", "go", math.nan)),
    ("entity", "UnknownEntityError", lambda c: c.entity(perdure.Entity, "a")),
    ("entity key", "InvalidIdError", lambda c: c.entity(Account, "")),
    ("entity kind", "InvalidIdError", lambda c: c.entity("no kind", "a")),
    ("operation", "UnknownOperationError", lambda c: c.entity(Account, "a").call("no")),
    ("amount", "InvalidInputError", lambda c: c.entity(Account, "a").call("add", "one")),
    (
        "signal nan",
        "EncodingError",
        lambda c: c.entity(Account, "a").signal("add", math.nan),
    ),
    (
        "signal at",
        "InvalidInputError",
        lambda c: c.entity(Account, "a").options(at=5).signal("add", 1),
    ),
    (
        "call at",
        "InvalidInputError",
        lambda c: c.entity(Account, "a").options(at=MINUTE).call("add", 1),
    ),
    ("lock nothing", "CriticalSectionError", lambda c: c.lock_entities()),
    ("lock number", "InvalidInputError", lambda c: c.lock_entities(5)),
    ("lock text", "InvalidInputError", lambda c: c.lock_entities("@account@a")),
    ("lock class", "InvalidInputError", lambda c: c.transaction([Account])),
    ("status", "EncodingError", lambda c: c.set_custom_status(object())),
    ("status large", "PayloadTooLargeError", lambda c: c.set_custom_status(LARGE)),
    ("again", "InvalidInputError", lambda c: c.continue_as_new(1)),
    ("patch", "InvalidIdError", lambda c: c.patched("")),
    ("when_all", "InvalidInputError", lambda _: ALL([1])),
    ("when_all number", "InvalidInputError", lambda _: ALL(1)),
    ("when_any", "InvalidInputError", lambda _: ANY([])),
    ("when_any none", "InvalidInputError", lambda _: ANY([None])),
]


@pytest.mark.parametrize(("told", "use"), [pytest.param(t, u, id=i) for i, t, u in TRIES])
def test_what_makes_no_sense_in_an_orchestrator_asks_for_nothing(
    world: Simulation, told: str, use: Try
) -> None:
    tried.append(use)
    ref = world.client.start(trying)
    world.settle()

    assert [event.event_type for event in ref.history()] == ["ExecutionStarted"]
    ref.raise_event("go", 1)
    assert ref.result(1) == told


@pytest.mark.parametrize(
    "options",
    [
        {"first_retry_interval": 5},
        {"first_retry_interval": timedelta()},
        {"first_retry_interval": -MINUTE},
        {"max_number_of_attempts": 0},
        {"max_number_of_attempts": 1.5},
        {"max_number_of_attempts": True},
        {"backoff_coefficient": 0.5},
        {"backoff_coefficient": math.nan},
        {"backoff_coefficient": math.inf},
        {"backoff_coefficient": "2"},
        {"max_retry_interval": 5},
        {"retry_timeout": -MINUTE},
        {"handle_failure": "ValueError"},
        {"jitter": math.nan},
        {"jitter": 2},
        {"jitter": "much"},
    ],
    ids=str,
)
def test_a_retry_policy_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(perdure.InvalidInputError, match=next(iter(options))):
        attrs.evolve(POLICY, **options)


def three(a: int, b: int, c: int) -> None:
    """Take too much."""


REGISTERS: list[Callable[[Any], object]] = [
    lambda a: a.orchestrator(5),
    lambda a: a.orchestrator(lambda: None),
    lambda a: a.orchestrator(three),
    lambda a: a.orchestrator(name="")(waiting),
    lambda a: a.orchestrator(name="a@b")(waiting),
    lambda a: a.orchestrator(version=3)(waiting),
    lambda a: a.activity(three),
    lambda a: a.activity(name="x" * 257)(double),
    lambda a: a.activity(pool="fork")(double),
    lambda a: a.activity(concurrency=0)(double),
    lambda a: a.activity(timeout=5)(double),
    lambda a: a.error(int),
    lambda a: (a.activity(double), a.activity(name="DOUBLE")(nothing)),
]


@pytest.mark.parametrize("register", REGISTERS)
def test_what_cannot_be_registered_is_refused(register: Callable[[Any], object]) -> None:
    with pytest.raises(perdure.DefinitionError):
        register(perdure.App("wrong", version="1"))


def test_a_version_of_the_app_is_a_text() -> None:
    with pytest.raises(perdure.DefinitionError, match="version"):
        perdure.App("wrong", version=1)  # type: ignore[arg-type]  # pyright: ignore


def test_naive_times_are_in_utc(world: Simulation) -> None:
    at = (world.now + MINUTE).replace(tzinfo=None)
    ref = world.client.start(without_input, start_at=at)
    world.advance(seconds=59)
    assert ref.status().runtime_status == "Pending"  # type: ignore[union-attr]
    world.advance(seconds=1)

    assert ref.status().runtime_status == "Running"  # type: ignore[union-attr]
    naive: datetime = world.now.replace(tzinfo=None)
    assert ref.id in [i.instance_id for i in world.client.query(created_to=naive).items]
