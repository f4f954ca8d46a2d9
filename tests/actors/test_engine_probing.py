"""The committer outlives whatever a store does to it: failing probes, and bugs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import attrs
import pytest

import perdure
from perdure.actors import limits
from perdure.actors.partition import Partition
from perdure.actors.threads import ThreadedRuntime
from perdure.errors import CorruptionError, StoreUnavailableError
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.memory import MemoryStore
from perdure.storage.ports import Writer
from perdure.storage.records import Batch
from tests.actors.engine import Counter, app


@attrs.define(eq=False)
class Troubled(MemoryStore):
    """A store in memory whose next commits, and probes, raise what they are told to."""

    commits: list[Exception] = attrs.field(factory=list[Exception])
    probes: list[Exception] = attrs.field(factory=list[Exception])
    tried: int = 0

    def commit(self, batch: Batch) -> int:
        """Fail, or commit."""
        if self.commits:
            raise self.commits.pop(0)
        return super().commit(batch)

    def probe(self) -> int:
        """Fail, or tell."""
        self.tried += 1
        if self.probes:
            raise self.probes.pop(0)
        return super().probe()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Troubled:
    monkeypatch.setattr(limits, "PROBE_SECONDS", 0.001)
    plain = MemoryStore.open()
    return Troubled(plain.opening, plain.location, plain._disk)


@pytest.fixture
def client(store: Troubled) -> Iterator[EmbeddedClient]:
    with app.attach(store, ThreadedRuntime(store)) as client:
        yield client


def add(client: EmbeddedClient) -> perdure.Reply[int]:
    return client.entity(Counter, "a").options(request_id="r").call(Counter.add, 1)


def add_until_it_works(client: EmbeddedClient) -> int:
    for _ in range(10_000):
        try:
            return add(client).get(timeout=10)
        except (perdure.StoreUnavailableError, perdure.OutcomeUnknownError):
            continue
    msg = "it never works again"
    raise AssertionError(msg)


def fail_once(client: EmbeddedClient, store: Troubled, error: Exception) -> None:
    store.commits.append(error)
    with pytest.raises(perdure.OutcomeUnknownError, match="planned"):
        add(client).get(timeout=10)


def refused_for_good(client: EmbeddedClient) -> str:
    """What senders are told in the end."""
    for _ in range(10_000):
        try:
            add(client).get(timeout=10)
        except perdure.StoreError as error:
            if "writes no more" in str(error):
                return str(error)
    msg = "it is not refused for good"
    raise AssertionError(msg)


def test_probes_that_fail_are_repeated_until_one_works(
    client: EmbeddedClient, store: Troubled
) -> None:
    store.probes += [StoreUnavailableError("not yet")] * 5
    fail_once(client, store, StoreUnavailableError("planned"))

    assert add_until_it_works(client) == 1
    assert store.probes == []


def test_a_store_that_fails_again_meanwhile_is_healed_once(
    client: EmbeddedClient, store: Troubled
) -> None:
    store.probes += [StoreUnavailableError("not yet")] * 3

    def fail_twice(partition: Partition) -> None:
        for _ in range(2):
            partition.recovery.store_failed(StoreUnavailableError("planned"))

    client.node.ask_partition(fail_twice)

    assert add_until_it_works(client) == 1
    client.node.maintain(lambda writer: None)  # a second healing would have come by now
    assert store.tried == 4


def test_what_ended_writing_for_good_is_not_healed(
    client: EmbeddedClient, store: Troubled
) -> None:
    def fail_twice(partition: Partition) -> None:
        partition.recovery.store_failed(StoreUnavailableError("planned"))
        partition.recovery.store_failed(CorruptionError("the log is damaged"))

    client.node.ask_partition(fail_twice)
    client.node.maintain(lambda writer: None)  # the store was tried by now, and works

    assert "the log is damaged" in refused_for_good(client)
    assert "writes no more" in refused_for_good(client)


def test_an_error_of_no_store_in_a_commit_heals_too(
    client: EmbeddedClient, store: Troubled
) -> None:
    fail_once(client, store, ZeroDivisionError("planned"))

    assert add_until_it_works(client) == 1
    assert add_until_it_works(client) == 1  # the same request: it was applied once


def test_a_probe_that_finds_damage_ends_writing_and_reads_go_on(
    client: EmbeddedClient, store: Troubled
) -> None:
    client.entity(Counter, "b").call(Counter.add, 5).get(timeout=10)
    store.probes.append(CorruptionError("the log is damaged"))
    fail_once(client, store, StoreUnavailableError("planned"))

    assert "the log is damaged" in refused_for_good(client)
    snapshot = client.entity(Counter, "b").get()
    assert snapshot is not None
    assert snapshot.state.value == 5
    assert client.node.maintain(lambda writer: writer.probe()) == 1  # the committer lives


def test_a_probe_that_fails_with_a_bug_ends_writing_and_the_committer_lives(
    client: EmbeddedClient, store: Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    store.probes.append(ZeroDivisionError("a bug"))
    with caplog.at_level(logging.ERROR, "perdure"):
        fail_once(client, store, StoreUnavailableError("planned"))
        told = refused_for_good(client)

    assert "ZeroDivisionError('a bug')" in told
    assert "the store cannot be tried" in caplog.text
    assert client.node.maintain(lambda writer: writer.probe()) == 0


def test_a_node_that_writes_no_more_is_closed_at_once(
    client: EmbeddedClient, store: Troubled
) -> None:
    store.probes.append(CorruptionError("the log is damaged"))
    fail_once(client, store, StoreUnavailableError("planned"))
    refused_for_good(client)

    begun = time.monotonic()
    client.close()
    assert time.monotonic() - begun < limits.DRAIN_SECONDS / 2


def test_work_between_commits_that_fails_leaves_the_committer_alive(
    client: EmbeddedClient, store: Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Writer) -> None:
        msg = "planned"
        raise StoreUnavailableError(msg)

    client.node.partition.runtime.on_store(fail)

    assert add(client).get(timeout=10) == 1
    assert "not tidied: planned" in caplog.text
