"""Writes the table of planted mistakes: ``python -m tests.simulation.planted --seeds 100``."""

from __future__ import annotations

from pathlib import Path

import click

from tests.simulation.planted.planting import Found, look_for_all

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "planted-mistakes.md"
HEAD = """# Planted mistakes

A proof that finds nothing proves little. So mistakes are planted in the engine on purpose, one
at a time, and the scenarios of the [simulation](../how-to/simulate.md) run with each of them.
The engine has no switch for this: tests put other functions in the place of its own. *Found by*
says how many of the seeds fail: of {seeds}, or of as many as run in twelve seconds, since some
mistakes make a run very long. *After* is the number of seeds until the first fails. The tests
of every build fail when one is not found.

This page is written by `python -m tests.simulation.planted --seeds {seeds}`.

| mistake | scenario | found by | after |
| --- | --- | ---: | ---: |
"""


def row_of(found: Found) -> str:
    """One line of the table."""
    name = found.name.replace("_", " ")
    after = str(found.first) if found.first else "never"
    return f"| {name} | {found.scenario} | {found.failed} of {found.seeds} | {after} |"


@click.command()
@click.option("--seeds", default=100, show_default=True)
@click.option("--processes", default=2, show_default=True)
def write(seeds: int, processes: int) -> None:
    """Run all scenarios with all mistakes, and write the page."""
    rows: list[str] = []
    for found in look_for_all(seeds, processes):
        rows.append(row_of(found))
        click.echo(rows[-1])
    PAGE.write_text(HEAD.format(seeds=seeds) + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
