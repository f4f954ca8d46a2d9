"""The page of conformance is complete; that the tests it names are there is in test_docs.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference" / "conformance.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")

FEATURES = {
    "Orchestrations": (
        "orchestrator",
        "tasks and ids",
        "call_activity",
        "RetryPolicy",
        "sub-orchestration",
        "timers",
        "current_utc_datetime",
        "external events",
        "send_event",
        "when_all, when_any",
        "asyncio idioms",
        "continue_as_new",
        "custom status",
        "terminate",
        "cancel",
        "suspend, resume",
        "rewind",
        "restart",
        "purge",
        "query",
        "instance ids",
        "id reuse",
        "scheduled start",
        "versioning",
        "tags, parent",
        "failure details",
        "determinism helpers",
        "waits",
        "history",
        "call_http",
        "logging",
        "bad input",
    ),
    "Entities": (
        "id",
        "signal",
        "call",
        "order",
        "operations",
        "failure",
        "effects",
        "function style",
        "lifetime",
        "read",
        "idle",
    ),
    "Critical sections": (
        "one order of locks",
        "locked",
        "inside",
        "release",
        "transaction",
    ),
}
"""What each part of the page has to tell of, in order."""


def rows(part: str) -> list[list[str]]:
    """The cells of a part's table, without its head."""
    text = PAGE.split(f"\n## {part}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("part", FEATURES)
def test_every_feature_has_a_row_with_tests(part: str) -> None:
    found = rows(part)

    assert [name for name, _, _ in found] == list(FEATURES[part])
    assert [name for name, holds, tests in found if not (holds and NAMED.search(tests))] == []
