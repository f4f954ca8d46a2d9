"""Reads ``statements.sql``: one statement, one name, one comment each."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- name: (\w+)\n((?:--.*\n)+)((?:(?!--).*\n)*)", re.MULTILINE)
_ROW = re.compile(r"(\([?, ]+\))\.\.\.")


def parse_statements(text: str) -> dict[str, str]:
    """The statements of *text* by name, without their comments and semicolons."""
    return {name: sql.strip().rstrip(";") for name, _, sql in _NAMED.findall(text)}


STATEMENTS = parse_statements(
    files("perdure.storage.sqlite").joinpath("statements.sql").read_text(encoding="utf-8")
)


@cache
def of_rows(name: str, count: int) -> str:
    """The statement *name* for *count* rows at once."""
    return _ROW.sub(lambda row: ", ".join([row[1]] * count), STATEMENTS[name])
