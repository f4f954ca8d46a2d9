"""The page docs/how-to/remote.md, beside a live ``perdure serve``, and its lines in a shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "remote.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
URL = "http://127.0.0.1:7071"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Where the app of the page is served."""
    program = next(code for kind, code in BLOCK.findall(PAGE) if kind == "python")
    (tmp_path / "shop.py").write_text(program.partition("with app.open")[0], encoding="utf-8")
    command = [sys.executable, "-m", "perdure", "serve", "shop:app", "--store", "shop.db"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    yield told["url"]
    process.terminate()
    process.communicate(timeout=30)


def test_the_one_line_that_differs(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType("documented_remote")
    monkeypatch.setitem(sys.modules, "documented_remote", module)
    code = "".join(code for kind, code in BLOCK.findall(PAGE) if kind == "python")
    local = code[code.index("with app.open") : code.index("def elsewhere")]
    exec(code.replace(local, "").replace(URL, url), vars(module))

    module.elsewhere()

    assert capsys.readouterr().out == "3\n300\n"


def test_the_lines_for_a_shell(url: str, tmp_path: Path) -> None:
    script = next(code for kind, code in BLOCK.findall(PAGE) if kind == "sh")
    script = script.replace("perdure ", f"{sys.executable} -m perdure ").replace(URL, url)

    told = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert told.stdout.splitlines() == ["1", "300"], told.stderr
