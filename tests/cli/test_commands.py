"""The table of commands: help is quick, complete, and as documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from perdure.cli.commands import perdure

ROOT = Path(__file__).resolve().parents[2]
NAMES = perdure.list_commands(click.Context(perdure))


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(perdure, [name, "--help"])

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: perdure {name}")


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_names_every_command_and_option(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    command = perdure.get_command(click.Context(perdure), name)
    assert command is not None

    options = [
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option not in {"--help", "-h"}
    ]

    assert f"`{name}" in page
    assert [option for option in options if f"`{option}" not in page] == []


def test_help_loads_none_of_what_the_commands_need() -> None:
    code = (
        "import sys\n"
        "from perdure.cli.commands import perdure\n"
        "perdure(['--help'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()

    assert {"rich", "sqlite3", "msgspec", "asyncio"}.isdisjoint(loaded)


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(perdure, ["dance"]).exit_code == 2


def test_a_command_that_is_misspelt_is_told_a_near_one() -> None:
    result = CliRunner().invoke(perdure, ["orchestraton", "list"])

    assert result.exit_code == 2
    assert "Did you mean 'orchestration'?" in result.stderr
