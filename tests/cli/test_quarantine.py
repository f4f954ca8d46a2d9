"""``perdure quarantine``: a stored message that nobody can read, from the shell."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.cli.conftest import APP, Shell
from tests.cli.shop import app


@pytest.fixture
def message_id(shell: Shell) -> Iterator[int]:
    """The id of a message that was set aside, in a store that is open."""
    with app.open(shell.store) as client:
        client.entity("counter", "a").call("add", 1).get(timeout=5)
    connection = sqlite3.connect(shell.store)
    with connection:
        connection.execute(
            "INSERT INTO inbox (id, stream, due, attempts, body)"
            " VALUES (900, '@counter@a', 0, 0, CAST('nonsense' AS BLOB))"
        )
    connection.close()
    with app.open(shell.store) as client:
        assert client.entity("counter", "a").call("add", 1).get(timeout=5) == 2
        (row,) = client.quarantine()
        yield row.id


def test_messages_are_listed_with_their_reason(shell: Shell, message_id: int) -> None:
    (message,) = shell.lines("quarantine", "list")

    assert message["id"] == message_id
    assert message["entity"] == "@counter@a"
    assert message["reason"]


def test_a_message_can_be_discarded_once(shell: Shell, message_id: int) -> None:
    assert shell.run("quarantine", "discard", str(message_id)).exit_code == 0
    assert shell.lines("quarantine", "list") == []

    again = shell.run("quarantine", "discard", str(message_id))

    assert again.exit_code == 3
    assert str(message_id) in again.stderr


def test_a_message_can_be_sent_again(shell: Shell, message_id: int) -> None:
    assert shell.run("quarantine", "redrive", str(message_id)).exit_code == 0

    assert message_id not in [row["id"] for row in shell.lines("quarantine", "list")]


def test_an_unknown_message_is_exit_code_3(shell: Shell) -> None:
    result = shell.run("quarantine", "redrive", "17", "--app", APP)

    assert result.exit_code == 3
