"""Damaged rows under the whole engine: each sets itself aside, and nothing is applied twice."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

import perdure
from perdure.storage.records import QuarantineRow
from tests.actors.engine import Counter, app
from tests.actors.hastening import hasten


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shop.db")


def change(path: str, sql: str) -> None:
    """Change a row as no perdure does."""
    connection = sqlite3.connect(path)
    assert connection.execute(sql).rowcount == 1
    connection.commit()
    connection.close()


def schedule(path: str) -> None:
    """Three signals wait in the store, numbered by their amounts."""
    with app.open(path) as client:
        for number, key in enumerate("abc", 1):
            ref = client.entity(Counter, key).options(at=timedelta(hours=1))
            ref.signal(Counter.add, number)
    hasten(path)


def wait_for_quarantine(client: perdure.Client) -> QuarantineRow:
    for _ in range(10_000):
        for row in client.quarantine():
            return row
        client.entity(Counter, "other").call(Counter.read).get(timeout=5)
    msg = "nothing was set aside"
    raise AssertionError(msg)


def wait_for(client: perdure.Client, key: str, value: int) -> None:
    for _ in range(10_000):
        if client.entity(Counter, key).call(Counter.read).get(timeout=5) == value:
            return
    msg = f"{key} does not become {value}"
    raise AssertionError(msg)


def test_a_damaged_message_is_set_aside_and_the_others_are_applied(path: str) -> None:
    schedule(path)
    change(path, "UPDATE inbox SET crc = crc + 1 WHERE stream = '@counter@b'")

    with app.open(path) as client:
        row = wait_for_quarantine(client)
        assert (row.stream, "checksum" in row.reason) == ("@counter@b", True)
        wait_for(client, "a", 1)
        wait_for(client, "c", 3)
        assert client.redrive(row.id)  # its content was good: the operator has looked
        wait_for(client, "b", 2)
        assert not list(client.verify())


def test_a_damaged_message_that_is_sent_again_is_set_aside_again(path: str) -> None:
    schedule(path)
    change(
        path,
        "UPDATE inbox SET body = CAST(replace(CAST(body AS TEXT), 'add', x'61ff64') AS BLOB) "
        "WHERE stream = '@counter@b'",
    )

    with app.open(path) as client:
        row = wait_for_quarantine(client)
        assert client.redrive(row.id)
        again = wait_for_quarantine(client)
        assert (again.stream, "message is damaged" in again.reason) == ("@counter@b", True)
        wait_for(client, "c", 3)
        assert client.discard(again.id)


@pytest.mark.parametrize("data", ["40636f756e7465724063", "40636f756e74657240ff"])
def test_a_message_that_names_another_actor_than_it_did_is_set_aside(
    path: str, data: str
) -> None:
    schedule(path)
    change(
        path,
        f"UPDATE inbox SET stream = CAST(x'{data}' AS TEXT) WHERE stream = '@counter@b'",
    )

    with app.open(path) as client:
        row = wait_for_quarantine(client)
        assert "checksum" in row.reason
        wait_for(client, "a", 1)
        wait_for(client, "c", 3)
        assert client.status()["waiting"] == 0


def test_a_request_whose_outcome_is_damaged_is_not_applied_again(path: str) -> None:
    with app.open(path) as client:
        for name in ("r", "s", "t"):
            ref = client.entity(Counter, name).options(request_id=name)
            ref.call(Counter.add, 1).get(timeout=5)
        client.entity(Counter, "u").options(request_id="u").signal(Counter.add, 1)
    for name in ("r", "u"):
        change(path, f"UPDATE requests SET outcome = x'00' WHERE request_id = '{name}'")

    with app.open(path) as client:
        reply = client.entity(Counter, "r").options(request_id="r").call(Counter.add, 1)
        with pytest.raises(perdure.CorruptionError, match="not applied again"):
            reply.get(timeout=5)
        with pytest.raises(perdure.CorruptionError, match="not applied again"):
            client.entity(Counter, "u").options(request_id="u").signal(Counter.add, 1)
        other = client.entity(Counter, "s").options(request_id="s").call(Counter.add, 1)
        assert other.get(timeout=5) == 1
        for name in "ru":
            wait_for(client, name, 1)
