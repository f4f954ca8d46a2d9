"""Waiting for orchestrations: nobody misses an end, and nothing is left behind."""

from __future__ import annotations

import weakref
from collections.abc import Generator

import pytest

import perdure
from perdure.orchestration.simulation import Simulation, simulate

app = perdure.App("waited for")


@app.orchestrator
async def echo(ctx: perdure.OrchestrationContext, number: int) -> int:
    return number + await ctx.wait_for_external_event("more", int)


@pytest.fixture
def world() -> Generator[Simulation]:
    with simulate(app) as world:
        yield world


def test_an_end_before_anybody_waits_is_not_missed(world: Simulation) -> None:
    ref = world.client.start(echo, 1)
    ref.raise_event("more", 2)
    world.settle()

    assert ref.result() == 3
    assert world.client.orchestration(ref.id).result() == 3


def test_whoever_looked_at_the_first_run_waits_for_the_second(world: Simulation) -> None:
    first = world.client.start(echo, 1, instance_id="again")
    first.raise_event("more", 2)
    assert first.result() == 3

    second = world.client.start(echo, 10, instance_id="again")
    second.raise_event("more", 20)

    assert second.result() == 30
    assert first.result() == 30


def test_one_that_was_purged_is_not_there_any_more(world: Simulation) -> None:
    ref = world.client.start(echo, 1)
    ref.raise_event("more", 2)
    ref.result()
    ref.purge()

    with pytest.raises(perdure.InstanceNotFoundError):
        ref.result()


def test_a_reference_that_is_gone_leaves_no_watch(world: Simulation) -> None:
    ref = world.client.start(echo, 1)
    watch = weakref.ref(world.client.waits.watch(ref.id))
    assert watch() is not None

    del ref

    assert watch() is None


def test_one_that_has_ended_is_not_kept_active(world: Simulation) -> None:
    ref = world.client.start(echo, 1)
    assert world.client.status()["active"] == 1

    ref.raise_event("more", 2)
    world.settle()

    assert world.client.status()["active"] == 0
    assert ref.result() == 3
