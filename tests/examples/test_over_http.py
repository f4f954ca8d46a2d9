"""The six patterns over HTTP: the script with curl prints what each came to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "over_http" / "six_patterns.sh"
TOLD = """\
1. function chaining
60
2. fan out, fan in
100
3. asynchronous HTTP API
202 while it packs
5
4. monitor
3
5. human interaction
"approved"
6. aggregator
10
"""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_six_patterns_work_with_curl_alone() -> None:
    environment = os.environ | {"PYTHON": sys.executable, "PORT": "0"}

    told = subprocess.run(
        ["bash", str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert told.stdout == TOLD, told.stderr
