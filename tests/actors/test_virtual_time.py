"""Async operations in simulated time: they sleep by its clock, and reach nothing outside."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import timedelta

import pytest

import perdure
from perdure.orchestration.simulation import simulate

app = perdure.App("patient")


class EndOfProcess(BaseException):
    """The process dies here."""


@app.entity
class Sleeper(perdure.Entity):
    """Sleeps in every way there is."""

    woken: int = 0
    log: list[str] = perdure.field(factory=list[str])

    async def sleep(self, seconds: float) -> int:
        """Sleep, then count."""
        await asyncio.sleep(seconds)
        self.woken += 1
        return self.woken

    async def give_up(self, seconds: float) -> str:
        """Wait for too long, in both ways."""
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(seconds * 2)
        except TimeoutError:
            self.log.append("timeout")
        try:
            await asyncio.wait_for(asyncio.Event().wait(), seconds)
        except TimeoutError:
            self.log.append("wait_for")
        return ",".join(self.log)

    async def beside(self) -> list[str]:
        """Three tasks that talk."""
        talk: asyncio.Queue[str] = asyncio.Queue()

        async def say(word: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            await talk.put(word)

        async with asyncio.TaskGroup() as group:
            for word, seconds in (("c", 0.3), ("a", 0.1), ("b", 0.2)):
                group.create_task(say(word, seconds))
        return [talk.get_nowait() for _ in range(3)]

    async def in_a_thread(self) -> int:
        """Have a function run elsewhere."""
        return await asyncio.to_thread(sum, [1, 2])

    async def reach_out(self, port: int) -> None:
        """Open a connection."""
        await asyncio.open_connection("127.0.0.1", port)

    async def cancelled(self) -> None:
        """Be cancelled."""
        raise asyncio.CancelledError

    async def die(self) -> None:
        """End the process, after a while."""
        await asyncio.sleep(1)
        raise EndOfProcess

    async def ask(self) -> None:
        """Look at the simulation's client from the inside."""
        worlds[-1].entity(Sleeper, "b").call(Sleeper.sleep, 0).get(timeout=1)


worlds: list[perdure.Client] = []


def test_an_operation_sleeps_in_virtual_time_and_others_go_on() -> None:
    begun = time.monotonic()
    with simulate(app) as world:
        a = world.client.entity(Sleeper, "a").call(Sleeper.sleep, 3 * 24 * 3600)
        b = world.client.entity(Sleeper, "b").call(Sleeper.sleep, 60)
        behind = world.client.entity(Sleeper, "b").call(Sleeper.sleep, 60)

        world.advance(seconds=119)
        assert (a.done, b.done, behind.done) == (False, True, False)
        world.advance(seconds=1)
        assert behind.get(timeout=0) == 2
        world.advance(days=2, hours=23, minutes=57, milliseconds=999)
        assert not a.done
        world.advance(timedelta(seconds=59), milliseconds=1)
        assert a.get(timeout=0) == 1

    assert time.monotonic() - begun < 30


def test_getting_an_answer_lets_the_time_pass_that_it_takes() -> None:
    with simulate(app) as world:
        begun = world.now

        assert world.client.entity(Sleeper, "a").call(Sleeper.sleep, 90).get() == 1
        assert world.now - begun == timedelta(seconds=90)
        with pytest.raises(perdure.ReplyTimeoutError):
            world.client.entity(Sleeper, "a").call(Sleeper.sleep, 90).get(timeout=89)
        world.advance(weeks=1)


def test_timeouts_go_by_the_virtual_clock() -> None:
    with simulate(app) as world:
        begun = world.now
        reply = world.client.entity(Sleeper, "a").call(Sleeper.give_up, 5)

        assert reply.get() == "timeout,wait_for"
        assert world.now - begun == timedelta(seconds=10)


def test_tasks_and_queues_work() -> None:
    with simulate(app) as world:
        ref = world.client.entity(Sleeper, "a")

        assert ref.call(Sleeper.beside).get() == ["a", "b", "c"]
        assert ref.call(Sleeper.in_a_thread).get() == 3


def test_the_same_seed_gives_the_same_run() -> None:
    traces: list[list[str]] = []
    for seed in (5, 5, 6):
        with simulate(app, seed=seed) as world:
            for key in "abcdef":
                world.client.entity(Sleeper, key).call(Sleeper.beside)
                world.client.entity(Sleeper, key).call(Sleeper.give_up, 5)
            world.advance(minutes=1)
            traces.append(world.trace)

    assert traces[0] == traces[1] != traces[2]


def test_what_reaches_outside_is_refused_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, simulate(app) as world:
        reply = world.client.entity(Sleeper, "a").call(
            Sleeper.reach_out, server.getsockname()[1]
        )

        with pytest.raises(perdure.OperationFailedError, match="cannot be simulated") as caught:
            reply.get()

    assert caught.value.details.error_type == "perdure.errors.NotAllowedHereError"


def test_a_cancelled_operation_has_failed() -> None:
    with simulate(app) as world:
        reply = world.client.entity(Sleeper, "a").call(Sleeper.cancelled)

        with pytest.raises(perdure.OperationFailedError, match="CancelledError"):
            reply.get()


def test_waiting_for_another_turn_is_refused() -> None:
    with simulate(app) as world:
        worlds.append(world.client)

        with pytest.raises(perdure.OperationFailedError, match="inside an operation"):
            world.client.entity(Sleeper, "a").call(Sleeper.ask).get()


def test_an_operation_that_a_crash_cuts_off_runs_again() -> None:
    with simulate(app) as world:
        ref = world.client.entity(Sleeper, "a").options(request_id="r")
        ref.call(Sleeper.sleep, 10)
        world.advance(seconds=5)
        world.crash()

        ref = world.client.entity(Sleeper, "a").options(request_id="r")
        assert ref.call(Sleeper.sleep, 10).get() == 1


def test_an_async_operation_can_end_the_process() -> None:
    with simulate(app) as world:
        world.client.entity(Sleeper, "a").signal(Sleeper.die)
        with pytest.raises(EndOfProcess):
            world.advance(seconds=2)
        world.crash()
        with pytest.raises(EndOfProcess):
            world.advance(seconds=2)
        world.crash()


def test_time_does_not_go_back() -> None:
    with simulate(app) as world, pytest.raises(perdure.InvalidInputError, match="go back"):
        world.advance(hours=1, minutes=-61)


def test_a_simulation_runs_inside_an_event_loop() -> None:
    async def main() -> int:
        with simulate(app) as world:
            return world.client.entity(Sleeper, "a").call(Sleeper.sleep, 60).get()

    assert asyncio.run(main()) == 1
