"""The committed ratios of the micro-benchmarks, for the page of results."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec

FOLDER = Path(__file__).parent.parent / "micro"


def micro_table(folder: Path = FOLDER) -> str:
    """A line for each piece of the hot path; empty where there is no checkout."""
    baseline, tests = folder / "baseline.json", folder / "test_hot_path.py"
    if not baseline.exists():
        return ""
    ratios = msgspec.json.decode(baseline.read_bytes(), type=dict[str, float])
    tree = ast.parse(tests.read_text(encoding="utf-8"))
    told = {
        piece.name: ast.get_docstring(piece) or ""
        for piece in tree.body
        if isinstance(piece, ast.FunctionDef)
    }
    lines = ["| piece | what it does | ratio |", "|---|---|--:|"]
    lines += [
        f"| {name.removeprefix('test_').replace('_', ' ')} | {told[name].splitlines()[0]} "
        f"| {ratio:.3g} |"
        for name, ratio in ratios.items()
    ]
    return "\n".join(lines)
