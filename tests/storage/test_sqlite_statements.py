from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from perdure.storage.sqlite import SqliteStore
from perdure.storage.sqlite.statements import STATEMENTS, of_rows, parse_statements

TEXT = files("perdure.storage.sqlite").joinpath("statements.sql").read_text(encoding="utf-8")


def test_every_name_in_the_file_is_loaded_once() -> None:
    names = re.findall(r"^-- name: (\w+)$", TEXT, re.MULTILINE)

    assert sorted(names) == sorted(STATEMENTS)
    assert len(names) == len(set(names))


def test_a_statement_without_a_comment_is_not_loaded() -> None:
    assert parse_statements("-- name: bare\nSELECT 1;\n") == {}


def test_a_statement_is_written_out_for_many_rows() -> None:
    assert of_rows("insert_messages", 2).endswith(
        "VALUES (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)"
    )


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_fits_the_tables(name: str, tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "a.db"), durability="process")
    sql = "EXPLAIN " + of_rows(name, 3)
    marks = sql.count("?")
    named = dict.fromkeys(re.findall(r":(\w+)", sql), 0)

    store.connection.execute(sql, [0] * marks if marks else named)

    store.close(clean=True)


HOT = (
    "due",
    "feed",
    "find_conflicts",
    "held_version",
    "load_messages",
    "load_states",
    "load_versions",
    "next_due",
    "outcomes",
    "purge_turns",
    "quarantined",
    "state",
    "states",
    "turns",
)
NO_TABLE = re.compile(r"SCAN (j VIRTUAL TABLE|CONSTANT ROW|\(subquery)")


@pytest.mark.parametrize("name", HOT)
def test_the_hot_statements_scan_no_table(name: str, tmp_path: Path) -> None:
    store = SqliteStore.open(str(tmp_path / "a.db"), durability="process")
    sql = "EXPLAIN QUERY PLAN " + STATEMENTS[name]
    named = dict.fromkeys(re.findall(r":(\w+)", sql), 0)

    plan = store.connection.execute(sql, [0] if "?" in sql else named).fetchall()

    scans = [step[3] for step in plan if step[3].startswith("SCAN")]
    assert [scan for scan in scans if not NO_TABLE.match(scan)] == []
    store.close(clean=True)


def test_whoever_writes_begins_as_a_writer() -> None:
    begun = {
        path.name: re.findall(r'execute\("(BEGIN[^"]*)"', path.read_text(encoding="utf-8"))
        for path in Path(str(files("perdure.storage.sqlite"))).glob("*.py")
    }

    assert {name: found for name, found in begun.items() if found} == {
        "reader.py": ["BEGIN"],
        "store.py": ["BEGIN IMMEDIATE"] * 2,
        "verification.py": ["BEGIN"],
    }
