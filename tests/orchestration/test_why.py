"""What somebody waits for, in words."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

import perdure
from perdure.actors.context import to_micros
from perdure.orchestration.why import Investigation
from perdure.storage.records import Batch, QuarantineRow
from perdure.testing import Simulation, simulate

app = perdure.App("why")


@app.activity
async def slow(seconds: int) -> None:
    await asyncio.sleep(seconds)


@app.activity
def broken(_: str) -> None:
    msg = "no carrier"
    raise ValueError(msg)


@app.entity
class Account(perdure.Entity):
    balance: int = 0

    def add(self, amount: int) -> int:
        self.balance += amount
        return self.balance


@app.orchestrator
async def waiting(ctx: perdure.OrchestrationContext, what: str) -> None:
    account = ctx.entity(Account, "a")
    match what:
        case "activity":
            await ctx.call_activity(slow, 3600)
        case "activities":
            await perdure.when_all([ctx.call_activity(slow, 3600) for _ in range(10)])
        case "retry":
            policy = perdure.RetryPolicy(
                first_retry_interval=timedelta(hours=2), max_number_of_attempts=5
            )
            await ctx.call_activity(broken, "x", retry_policy=policy)
        case "timer":
            dropped = ctx.create_timer(timedelta(days=1))
            dropped.cancel()
            await ctx.create_timer(timedelta(days=3, hours=4))
        case "event":
            await ctx.wait_for_external_event("Approval")
        case "child":
            await ctx.call_sub_orchestrator(waiting, "event", instance_id="young")
        case "lock" | "hold":
            async with ctx.lock_entities(account):
                await ctx.wait_for_external_event("Go")
        case _:
            await account.call(Account.add, 1)


@pytest.fixture
def world() -> Simulation:
    return simulate(app)


def told(world: Simulation, address: str) -> list[tuple[str, str]]:
    return [(reason.kind, reason.text) for reason in world.client.why(address)]


def start(world: Simulation, what: str) -> None:
    world.client.start(waiting, what, instance_id=what)
    world.settle()


def test_an_activity_that_is_at_work_is_named(world: Simulation) -> None:
    start(world, "activity")
    world.crash()

    ((kind, text),) = told(world, "activity")
    assert kind == "activity"
    assert text.startswith("activity slow, since 20")


def test_an_activity_that_was_set_aside_is_told_by_its_own_message(world: Simulation) -> None:
    start(world, "activities")
    world.crash()
    store = world.client.node.store
    rows = store.load(["@@slow"], 0)["@@slow"].messages
    first, last = rows[0], rows[-1]
    aside = [
        QuarantineRow(last.id, "@@slow", last.body, 3, "it kills", 0),
        QuarantineRow(last.id + 1000, "@@slow", first.body, 3, "it was tried again", 0),
    ]
    number = store.opening.last_batch + 1000
    store.commit(Batch(number, consumed=[first.id, last.id], quarantined=aside))

    told_of = [text for kind, text in told(world, "activities") if kind == "quarantine"]

    assert [text.split("; ")[0] for text in told_of] == [
        f"activity slow, whose message {last.id + 1000} is in quarantine: it was tried again",
        f"activity slow, whose message {last.id} is in quarantine: it kills",
    ]


def test_the_next_attempt_is_told_with_its_time_and_its_number(world: Simulation) -> None:
    start(world, "retry")

    ((kind, text),) = told(world, "retry")
    assert kind == "timer"
    assert text.startswith("attempt 2 of 5, after activity broken failed: ValueError: no carr")
    assert "(in 2 h)" in text


def test_a_timer_is_told_with_what_is_left_of_it(world: Simulation) -> None:
    start(world, "timer")

    ((kind, text),) = told(world, "timer")
    assert (kind, text[:10]) == ("timer", "a timer, a")
    assert text.endswith("(in 3 days 4 h) (task 2)")


def test_an_event_that_nobody_raised_is_named(world: Simulation) -> None:
    start(world, "event")

    assert told(world, "event") == [("event", "an event 'Approval' that nobody has raised")]


def test_a_child_is_told_with_its_status(world: Simulation) -> None:
    start(world, "child")

    assert told(world, "child") == [("child", "child young (waiting), which is Running")]


def test_a_lock_is_told_with_its_holder(world: Simulation) -> None:
    for what in ("hold", "lock", "operation"):
        start(world, what)

    assert told(world, "lock") == [("lock", "the lock of @account@a, which hold has locked")]
    assert told(world, "operation") == [
        ("operation", "add of @account@a, which hold has locked")
    ]
    assert told(world, "@account@a") == [
        ("lock", "it is locked by hold; others' messages wait until that lets it go"),
        ("mail", "2 messages wait for it; the first is $lock from lock"),
    ]


def test_what_does_not_run_says_why_not(world: Simulation) -> None:
    world.client.start(waiting, "event", instance_id="p", start_at=timedelta(minutes=90))
    world.client.start(waiting, "event", instance_id="t").terminate()
    start(world, "event")
    world.client.orchestration("event").suspend("lunch")

    ((kind, text),) = told(world, "p")
    assert (kind, text[-17:]) == ("pending", "Z (in 1 h 30 min)")
    ((kind, text),) = told(world, "t")
    assert (kind, text[:27]) == ("ended", "it has ended: Terminated at")
    assert told(world, "event")[0] == ("suspended", "it is suspended: lunch; resume it")


def test_an_entity_at_rest_waits_for_nothing(world: Simulation) -> None:
    world.client.entity(Account, "a").call(Account.add, 1).get()
    assert told(world, "@account@a") == [("nothing", "@account@a waits for nothing")]

    later = world.client.entity(Account, "a").options(at=timedelta(days=1))
    later.signal(Account.add, 1)
    ((kind, text),) = told(world, "@account@a")
    assert (kind, text[:47]) == ("mail", "1 message is for later; the first is add at 202")


def test_without_the_code_the_store_tells_what_it_knows(world: Simulation) -> None:
    start(world, "timer")
    start(world, "event")
    investigation = Investigation(world.client.node.store, to_micros(world.now))

    assert [reason.kind for reason in investigation.why("timer")] == ["timer", "event"]
    (reason,) = investigation.why("event")
    assert "--app" in reason.text


@pytest.mark.parametrize("address", ["nobody", "@account@nobody"])
def test_what_is_not_there_is_said_so(world: Simulation, address: str) -> None:
    with pytest.raises(perdure.InstanceNotFoundError, match="nothing of"):
        world.client.why(address)


def test_an_address_that_is_none_is_told_from_one_of_which_there_is_nothing() -> None:
    with simulate(app) as world:
        world.client.entity(Account, "a").call(Account.add, 1).get()

        with pytest.raises(perdure.InvalidIdError, match="is not of the form @kind@key"):
            world.client.why("@account")
        with pytest.raises(perdure.InstanceNotFoundError, match="nothing of '@account@b'"):
            world.client.why("@account@b")
        assert [reason.kind for reason in world.client.why("@Account@a")] == ["nothing"]
