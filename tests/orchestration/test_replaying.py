"""Stored histories against changed code: what would stall is found before it is deployed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.testing import assert_replays, simulate

Body = Callable[[perdure.OrchestrationContext, int], Coroutine[Any, Any, Any]]


def reserve(number: int) -> int:
    return number


def charge(number: int) -> int:
    if number < 0:
        raise ValueError(number)
    return number


class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


def app_of(body: Body, **options: Any) -> perdure.App:
    app = perdure.App("replaying")
    app.activity(reserve)
    app.activity(charge)
    app.register(Account)
    app.orchestrator(name="order", **options)(body)
    return app


async def first(ctx: perdure.OrchestrationContext, number: int) -> int:
    await ctx.call_activity(reserve, number)
    await ctx.create_timer(timedelta(hours=1))
    return await ctx.call_activity(charge, number)


async def swapped(ctx: perdure.OrchestrationContext, number: int) -> int:
    await ctx.call_activity(charge, number)
    await ctx.create_timer(timedelta(hours=1))
    return await ctx.call_activity(reserve, number)


async def patched(ctx: perdure.OrchestrationContext, number: int) -> int:
    if ctx.patched("charge first"):
        return await swapped(ctx, number)
    return await first(ctx, number)


async def longer(ctx: perdure.OrchestrationContext, number: int) -> int:
    done = await first(ctx, number)
    await ctx.call_activity(reserve, number)
    return done


async def locking(ctx: perdure.OrchestrationContext, number: int) -> int:
    account = ctx.entity(Account, "a")
    async with ctx.transaction(account):
        await account.call(Account.add, number)
        await ctx.wait_for_external_event("Go")
        await ctx.call_activity(charge, number)
    return number


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One that has ended, one that runs, and one that is to begin."""
    path = tmp_path / "shop.db"
    with app_of(quick).open(path) as client:
        client.start("order", 1, instance_id="ended").result(10)
        client.start("order", 2, instance_id="later", start_at=timedelta(days=1))
    with app_of(first).open(path) as client:
        client.start("order", 3, instance_id="running").wait_for_start(10)
    return path


async def quick(ctx: perdure.OrchestrationContext, number: int) -> int:
    return await ctx.call_activity(reserve, number)


def test_the_code_that_ran_replays_what_it_did(tmp_path: Path) -> None:
    with simulate(app_of(first)) as world:
        refs = [world.client.start("order", number) for number in (1, 2, -3)]
        world.advance(hours=2)
        refs.append(world.client.start("order", 4))
        for place, ref in enumerate(refs):
            (tmp_path / f"{place}.json").write_bytes(ref.export_history())

    assert assert_replays(app_of(first), tmp_path) == 4
    assert assert_replays(app_of(patched), tmp_path) == 4
    with pytest.raises(AssertionError, match="4 of 4 histories do not fit"):
        assert_replays(app_of(swapped), tmp_path)
    with pytest.raises(AssertionError, match="2 of 4"):  # the others have not come so far
        assert_replays(app_of(longer), tmp_path)


def test_a_divergence_shows_both_sequences_and_the_line(tmp_path: Path) -> None:
    with simulate(app_of(first)) as world:
        ref = world.client.start("order", 1, instance_id="o")
        world.advance(hours=2)
        (tmp_path / "o.json").write_bytes(ref.export_history())

    with pytest.raises(AssertionError) as failure:
        assert_replays(app_of(longer), tmp_path / "o.json")
    text = str(failure.value)
    assert "o (order, Completed)" in text
    assert ">   4 ExecutionCompleted Completed   | TaskScheduled reserve (task 4)" in text
    assert "test_replaying.py:" in text


def test_a_store_is_replayed_whole(store: Path) -> None:
    with pytest.raises(AssertionError, match="1 of 2") as failure:
        assert_replays(app_of(first), store)  # the one that has ended was shorter
    assert "ended (order" in str(failure.value)

    both = perdure.App()
    with pytest.raises(AssertionError, match="2 of 2") as failure:
        assert_replays(both, store)
    assert "'order' is no orchestrator" in str(failure.value)


@pytest.mark.parametrize("how", ["terminate", "cancel", "suspend", "go", "fail", "rewind"])
def test_an_end_from_outside_is_no_divergence(tmp_path: Path, how: str) -> None:
    with simulate(app_of(locking)) as world:
        ref = world.client.start("order", -1 if how in {"fail", "rewind"} else 1)
        world.settle()
        if how in {"terminate", "cancel", "suspend"}:
            getattr(ref, how)()
        else:
            ref.raise_event("Go")
        world.settle()
        if how == "rewind":
            with pytest.raises(perdure.WrongStatusError):
                ref.rewind()
        (tmp_path / "x.json").write_bytes(ref.export_history())

    assert assert_replays(app_of(locking), tmp_path / "x.json") == 1


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    for source in (tmp_path / "x.json", tmp_path / "none.json"):
        with pytest.raises(perdure.InvalidInputError, match="neither a store nor"):
            assert_replays(app_of(first), source)
    (tmp_path / "x.json").unlink()
    with pytest.raises(perdure.InvalidInputError, match="no history"):
        assert_replays(app_of(first), tmp_path)
