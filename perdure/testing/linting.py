"""Check that code has nothing that ``perdure lint`` finds."""

from __future__ import annotations

from pathlib import Path

from perdure.linting import check_targets


def assert_lint_clean(*targets: str | Path) -> None:
    """Fail when ``perdure lint`` finds something.

    Args:
        *targets: files, folders, and modules by name; nothing is imported.

    Raises:
        AssertionError: it lists what was found.
        InvalidInputError: one of them is not there.
    """
    findings = check_targets(targets)
    if findings:
        raise AssertionError("\n".join(map(str, findings)))
