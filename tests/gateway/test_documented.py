"""The lines of docs/how-to/http.md, typed into a shell beside a live ``perdure serve``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "http.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What ``serve`` tells of itself, with the app of the page."""
    program = next(code for kind, code in BLOCK.findall(PAGE) if kind == "python")
    (tmp_path / "shop.py").write_text(program, encoding="utf-8")
    command = [sys.executable, "-m", "perdure", "serve", "shop:app", "--store", "shop.db"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert (tmp_path / "shop.db.token").read_text(encoding="utf-8").strip() not in log


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_lines_of_the_page_say_what_the_page_says(
    served: dict[str, Any], tmp_path: Path
) -> None:
    script = "".join(code for kind, code in BLOCK.findall(PAGE) if kind == "sh")
    script = script.replace("http://127.0.0.1:7071", served["url"])
    promised = re.findall(r"^# (.+)$", script, re.MULTILINE)

    told = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert len(promised) >= 7
    assert told.stdout.splitlines() == promised, told.stderr
