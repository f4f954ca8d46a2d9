from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest

from perdure.errors import NodeClosedError
from perdure.storage.sqlite.connections import ReaderPool


@pytest.fixture
def pool(tmp_path: Path) -> ReaderPool:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    return ReaderPool(str(path))


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


def test_a_connection_is_lent_again(pool: ReaderPool) -> None:
    with pool.lend() as first, pool.lend() as second:
        assert first is not second
    with pool.lend() as third:
        assert third in (first, second)
    pool.close()


def test_few_of_many_connections_are_kept(pool: ReaderPool) -> None:
    with ExitStack() as stack:
        lent = [stack.enter_context(pool.lend()) for _ in range(12)]

    assert sum(is_closed(connection) for connection in lent) == 4
    pool.close()
    assert all(is_closed(connection) for connection in lent)


def test_a_lent_connection_is_closed_when_it_comes_back(pool: ReaderPool) -> None:
    with pool.lend() as lent:
        pool.close()
        assert lent.execute("SELECT count(*) FROM t").fetchone() == (0,)

    assert is_closed(lent)
    with pytest.raises(NodeClosedError), pool.lend():
        pass


def test_a_transaction_ends_with_the_reading(pool: ReaderPool) -> None:
    with pool.lend() as lent:
        lent.execute("BEGIN")

    assert not lent.in_transaction
    pool.close()


def test_a_reader_cannot_write(pool: ReaderPool) -> None:
    with pool.lend() as lent, pytest.raises(sqlite3.OperationalError, match="readonly"):
        lent.execute("INSERT INTO t VALUES (1)")
    pool.close()
