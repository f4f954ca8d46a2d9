"""Reads that the engine needs and that fail, while a commit is under way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure.actors.messages import Message
from perdure.actors.replies import Reply
from perdure.actors.requests import Requests
from perdure.errors import OutcomeUnknownError, PerdureError, StoreUnavailableError
from perdure.storage.records import Batch
from perdure.storage.sqlite import SqliteStore
from tests.actors.engine import Counter, app


def answer_in_the_end(client: perdure.Client, operation: Any) -> int:
    """Repeat the request until the disk works again."""
    ref = client.entity(Counter, "a").options(request_id="r1")
    for _ in range(100):
        try:
            answer: int = ref.call(operation, 1).get(timeout=2)
        except StoreUnavailableError:
            threading.Event().wait(0.02)
        else:
            return answer
    pytest.fail("the node does not recover")


@pytest.mark.parametrize("commit_fails", [False, True])
@pytest.mark.parametrize("operation", [Counter.add, Counter.add_slowly])
def test_a_failed_read_during_a_commit_loses_nothing(
    operation: Any, commit_fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, going = threading.Event(), threading.Event()
    commit, load = SqliteStore.commit, SqliteStore.load
    faults = ["a read"]

    def slow_commit(store: SqliteStore, batch: Batch) -> int:
        if not going.is_set():
            begun.set()
            going.wait(10)
            if commit_fails:
                msg = "a test: the commit"
                raise StoreUnavailableError(msg)
        return commit(store, batch)

    def failing_load(*args: Any) -> Any:
        if faults:
            raise StoreUnavailableError(faults.pop())
        return load(*args)

    with app.open(str(tmp_path / "shop.db")) as client:
        client.entity(Counter, "a").call(Counter.read).get(timeout=5)
        monkeypatch.setattr(SqliteStore, "commit", slow_commit)
        first = client.entity(Counter, "a").options(request_id="r1").call(operation, 1)
        assert begun.wait(5)
        monkeypatch.setattr(SqliteStore, "load", failing_load)
        with pytest.raises(PerdureError):
            client.entity(Counter, "b").call(Counter.add, 1).get(timeout=5)
        going.set()

        with pytest.raises(OutcomeUnknownError) as caught:
            first.get(timeout=5)
        assert caught.value.request_id == "r1"
        assert answer_in_the_end(client, operation) == 1
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 1
        assert client.status()["busy"] == 0


def test_who_waits_for_a_request_that_only_the_store_holds_learns_of_a_failure() -> None:
    reader: Any = None
    waiter: Any = None
    requests = Requests(reader, lambda: 0, lambda _: None)
    stored = Message(target="@counter@a", operation="add", request_id="r1", chosen=True)
    requests.adopt(stored)
    repeat: Reply[Any] = Reply(waiter, stored.target, stored.operation, "r1")
    stored.reply.join(repeat)

    requests.lose("the disk")

    with pytest.raises(OutcomeUnknownError) as caught:
        repeat.get()
    assert caught.value.request_id == "r1"
