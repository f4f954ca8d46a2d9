"""Servers that are killed while a client works: everything is done once, and goes on."""

from __future__ import annotations

import threading

import pytest

import perdure
from tests.contracts.clients import Counter, Diary, ordering, waiting
from tests.remote.conftest import Server

SOON = 40.0


def test_calls_and_signals_through_kills_are_done_once(server: Server) -> None:
    with server.connect() as client:
        done = threading.Event()

        def kill_again_and_again() -> None:
            for _ in range(3):
                if done.wait(0.4):
                    return
                server.restart()

        killer = threading.Thread(target=kill_again_and_again)
        killer.start()
        ref = client.entity(Counter, "a")
        seen: list[int] = []
        while killer.is_alive() and len(seen) < 20_000:
            seen.append(ref.call(Counter.add, 1).get(SOON))
            client.entity(Diary, "d").signal(Diary.note, str(len(seen)))
        done.set()
        killer.join()

        assert seen == list(range(1, len(seen) + 1))
        client.entity(Diary, "d").call(Diary.note, "end").get(SOON)
        snapshot = client.entity(Diary, "d").get()
        assert snapshot is not None
        assert snapshot.state.texts == [*map(str, seen), "end"]


def test_a_pipeline_through_a_kill_is_in_order_and_complete(server: Server) -> None:
    with server.connect() as client:
        killer = threading.Timer(0.2, server.restart)
        killer.start()
        with client.pipeline() as pipeline:
            for number in range(3_000):
                pipeline.entity(Diary, "d").signal(Diary.note, str(number))
        killer.join()

        client.entity(Diary, "d").call(Diary.note, "end").get(SOON)
        snapshot = client.entity(Diary, "d").get()
        assert snapshot is not None
        assert snapshot.state.texts == [*map(str, range(3_000)), "end"]


def test_who_waits_is_told_by_the_next_server(server: Server) -> None:
    with server.connect() as client:
        ref = client.start(waiting, 1, instance_id="w")
        ref.wait_for_start(SOON)
        results: list[int] = []
        waiter = threading.Thread(target=lambda: results.append(ref.result(SOON)))
        waiter.start()
        server.kill()
        server.start()
        ref.raise_event("go", 1)
        waiter.join()

        assert results == [2]


def test_a_watch_and_the_feed_go_on_with_the_next_server(server: Server) -> None:
    with server.connect() as client:
        ref = client.entity(Counter, "a")
        ref.call(Counter.add, 1).get(SOON)
        with ref.watch() as watch:
            states, changes = iter(watch), client.changes()
            first, change = next(states), next(changes)
            server.kill()
            server.start()
            ref.call(Counter.add, 1).get(SOON)
            second, later = next(states), next(changes)

    assert first is not None
    assert second is not None
    assert (first.state.value, second.state.value) == (1, 2)
    assert (change.event.version, later.event.version) == (1, 2)


def test_without_a_server_patience_ends_in_a_clear_error(server: Server) -> None:
    with server.connect(patience=0.3) as client:
        ref = client.entity(Counter, "a")
        ref.call(Counter.add, 1).get(SOON)
        server.kill()

        with pytest.raises(perdure.ServerUnreachableError, match=server.url):
            ref.get()
        with pytest.raises((perdure.ServerUnreachableError, perdure.OutcomeUnknownError)):
            ref.signal(Counter.add, 1)
        with pytest.raises(perdure.ServerUnreachableError):
            list(client.changes())
        server.start()
        assert client.start(ordering, 2).result(SOON) == 4
