"""Reads ``statements.sql``: one statement, one name, one comment each."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r"^-- (name|part): (\w+)\n((?:--.*\n)+)((?:(?!--).*\n)*)", re.MULTILINE)
_PART = re.compile(r"\{(\w+)\}")
_ROW = re.compile(r"(\([?, ]+\))\.\.\.")


def parse_statements(text: str) -> dict[str, str]:
    """The statements of *text* by name, without their comments and semicolons. A name in braces
    stands for the part that is called so further up.
    """
    found: dict[str, dict[str, str]] = {"name": {}, "part": {}}
    for sort, name, _, sql in _NAMED.findall(text):
        whole = _PART.sub(lambda part: found["part"][part[1]], sql)
        found[sort][name] = whole.strip().rstrip(";")
    return found["name"]


STATEMENTS = parse_statements(
    files("perdure.storage.sqlite").joinpath("statements.sql").read_text(encoding="utf-8")
)


@cache
def of_rows(name: str, count: int) -> str:
    """The statement *name* for *count* rows at once."""
    return _ROW.sub(lambda row: ", ".join([row[1]] * count), STATEMENTS[name])
