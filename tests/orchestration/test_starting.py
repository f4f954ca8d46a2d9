"""Orchestrations that entities and pipelines start."""

from __future__ import annotations

from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate
from perdure.testing import Started, given

app = perdure.App("starting")


@app.entity
class Basket(perdure.Entity):
    items: int = 0
    last: str = ""

    def add(self, count: int) -> int:
        if count == 13:
            self.context.start(ship, count)
            raise ValueError(count)
        self.items += count
        if self.items >= 3:
            self.last = self.context.start(ship, self.items, instance_id="ship")
            self.items = 0
        return self.items

    def remind(self) -> None:
        self.last = self.context.start("ship", 1, start_at=timedelta(days=1), tags={"a": "b"})

    def wrong(self, what: str) -> None:
        match what:
            case "id":
                self.context.start(ship, 1, instance_id="a/b")
            case "name":
                self.context.start("nobody", 1)
            case _:
                self.context.start("ship", "one")


@app.entity
def counter(ctx: perdure.FunctionContext) -> str:
    return ctx.start(ship, 7, instance_id=f"by {ctx.id.key}")


@app.orchestrator
async def ship(ctx: perdure.OrchestrationContext, items: int) -> str:
    await ctx.create_timer(timedelta(seconds=items))
    return f"shipped {items}"


@app.orchestrator
async def transaction(ctx: perdure.OrchestrationContext, amount: int) -> None:
    async with ctx.transaction(ctx.entity(Basket, "t")):
        await ctx.entity(Basket, "t").call(Basket.add, 3)
        if amount < 0:
            raise ValueError(amount)


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def test_an_entity_starts_an_orchestration_when_its_operation_commits(
    world: Simulation,
) -> None:
    basket = world.client.entity(Basket, "b")
    basket.call(Basket.add, 2).get()
    assert world.client.count() == {}
    basket.call(Basket.add, 2).get()
    world.crash()

    assert world.client.orchestration("ship").result(60) == "shipped 4"


def test_an_operation_that_raises_starts_nothing(world: Simulation) -> None:
    with pytest.raises(perdure.OperationFailedError, match="13"):
        world.client.entity(Basket, "b").call(Basket.add, 13).get()

    assert world.client.count() == {}


def test_one_that_lives_is_left_alone(
    world: Simulation, caplog: pytest.LogCaptureFixture
) -> None:
    basket = world.client.entity(Basket, "b")
    basket.call(Basket.add, 30).get()
    basket.call(Basket.add, 4).get()

    assert world.client.orchestration("ship").result(60) == "shipped 30"
    assert "exists and is Running" in caplog.text


def test_a_start_may_be_for_later(world: Simulation) -> None:
    basket = world.client.entity(Basket, "b")
    basket.call(Basket.remind).get()
    (one,) = world.client.query().items
    assert (one.runtime_status, one.tags) == ("Pending", {"a": "b"})
    assert basket.get().state.last == one.instance_id  # type: ignore[union-attr]
    world.advance(days=1, seconds=2)

    assert world.client.orchestration(one.instance_id).result(60) == "shipped 1"


def test_a_function_starts_one_too(world: Simulation) -> None:
    world.client.entity(counter, "f").call("anything").get()

    assert world.client.orchestration("by f").result(60) == "shipped 7"


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("id", "InvalidIdError"),
        ("name", "UnknownOrchestratorError"),
        ("input", "DecodingError"),
    ],
)
def test_what_cannot_be_started_fails_the_operation(
    world: Simulation, what: str, error: str
) -> None:
    with pytest.raises(perdure.OperationFailedError, match=error):
        world.client.entity(Basket, "b").call(Basket.wrong, what).get()
    assert world.client.count() == {}


def test_a_transaction_starts_what_is_in_it_at_its_end_only(world: Simulation) -> None:
    with pytest.raises(perdure.OrchestrationFailedError):
        world.client.start(transaction, -1).result(60)
    world.settle()
    assert world.client.orchestration("ship").status() is None

    world.client.start(transaction, 1).result(60)
    assert world.client.orchestration("ship").result(60) == "shipped 3"


def test_a_pipeline_starts_many_durably(world: Simulation) -> None:
    with world.client.pipeline() as pipeline:
        ids = [pipeline.start(ship, number) for number in range(300)]
        pipeline.entity(Basket, "b").signal(Basket.add, 2)
        with pytest.raises(perdure.DecodingError):
            pipeline.start("ship", "one")
    world.crash()
    world.advance(minutes=6)

    assert len(set(ids)) == 300
    assert world.client.count() == {"Completed": 300}
    assert world.client.orchestration(ids[7]).result(60) == "shipped 7"


def test_a_start_names_the_entity_that_sent_it_or_the_request() -> None:
    (start,) = given(Basket).when(Basket.remind)._ran.outcome.effects
    assert start.caller == "@basket@test"

    world = simulate(app)
    with world.client.pipeline() as pipeline:
        for number in range(2):
            pipeline.start(ship, number)
        first, second = pipeline._chunk
    assert first.caller == second.caller == ""
    assert len({first.request_id, second.request_id, ""}) == 3


def test_a_decision_to_start_is_checked_as_a_value() -> None:
    given(Basket, Basket(items=1)).when(Basket.add, 5).then_effects(
        Started("ship", 6, instance_id="ship")
    )
    remind = given(Basket).when(Basket.remind)
    (started,) = remind._sent()
    assert isinstance(started, Started)
    assert (started.orchestrator, started.instance_id) == ("ship", None)
    assert started.at is not None
