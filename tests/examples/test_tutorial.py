"""The tutorial's program is killed and run again, and prints what the tutorial says."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from examples.flights.dataset import ROOT

PAGE = ROOT / "docs" / "tutorial" / "first-orchestration.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_killed_trip_goes_on_as_the_tutorial_says(tmp_path: Path) -> None:
    (tmp_path / "travel.py").write_text(blocks("python")[0], encoding="utf-8")
    killed, again = ([*block.splitlines()[1:]] for block in blocks("console"))
    command = [sys.executable, "travel.py"]

    first = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    with first.stdout as lines:
        assert [next(lines).strip() for _ in killed] == killed
        first.kill()
    assert first.wait() == -signal.SIGKILL
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert second.stdout.splitlines() == again
