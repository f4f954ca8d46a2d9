"""The page on finding mistakes: its commands say what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "how-to" / "find-mistakes.md"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CHANGED = re.compile(r"^```py\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"^\(debug\) (.*)\n", re.MULTILINE)
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is there when the commands are typed: both modules, and the store."""
    folder = tmp_path_factory.mktemp("mistakes")
    codes = [code for _, code in blocks(PAGE)]
    shop = codes[0].removeprefix("# shop.py\n")
    (folder / "shop.py").write_text(shop)
    (changed,) = CHANGED.findall(PAGE.read_text(encoding="utf-8"))
    end = shop.index("\n\n\n@app.orchestrator\nasync def count")
    before = shop[shop.index("async def order") : end]
    (folder / "later.py").write_text(shop.replace(before + "\n", changed))
    script = f"from shop import *\n{codes[1]}"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, timeout=60)
    return folder


def commands() -> list[tuple[str, str]]:
    """Each command of the page, and what it prints."""
    text = "".join(CONSOLE.findall(PAGE.read_text(encoding="utf-8")))
    return [
        (command, output)
        for command, _, output in (part.partition("\n") for part in text.split("$ ") if part)
    ]


@pytest.mark.parametrize(("command", "output"), commands())
def test_a_command_of_the_page_prints_what_it_shows(
    folder: Path, command: str, output: str
) -> None:
    words = [sys.executable, "-m", *command.split()]

    both = subprocess.PIPE, subprocess.STDOUT
    keys = "".join(f"{line}\n" for line in TYPED.findall(output))
    done = subprocess.run(
        words,
        cwd=folder,
        input=keys,
        stdout=both[0],
        stderr=both[1],
        text=True,
        timeout=60,
        check=False,
    )

    told = TIME.sub("TIME", done.stdout).replace(f"{folder}/", "")
    shown = TYPED.sub("(debug) ", TIME.sub("TIME", output))  # a pipe echoes nothing
    assert told.rstrip("\n") == shown.rstrip("\n")
