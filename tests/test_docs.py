"""Every Python block of the README and the docs runs; every link leads somewhere.

The blocks of one page share a namespace and a folder of their own, so a page reads from top to
bottom like one program.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import perdure
from perdure import errors

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
NAMED_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
OUTPUT = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[tuple[int, str]]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield text[: match.start(1)].count("\n"), match.group(1)


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests of a file under ``tests/``; none when there is no such file."""
    path = ROOT / "tests" / file
    code = path.read_text(encoding="utf-8") if path.exists() else ""
    return frozenset(re.findall(r"^def (test_\w+)\(", code, re.MULTILINE))


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module for the page's names: annotations are looked up in it by name."""
    module = ModuleType("documented")
    sys.modules["documented"] = module
    yield module
    del sys.modules["documented"]


@pytest.mark.parametrize("page", [p for p in PAGES if any(blocks(p))], ids=name_of)
def test_the_code_of_a_page_runs_and_prints_what_it_says(
    page: Path,
    module: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    promised: list[str] = []

    for lines_before, code in blocks(page):
        padded = "\n" * lines_before + code
        exec(compile(padded, str(page), "exec", dont_inherit=True), vars(module))
        promised += OUTPUT.findall(code)

    assert promised == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    links: list[str] = LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_of_the_docs_names_every_page() -> None:
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")

    pages = [str(page.relative_to(docs)) for page in docs.rglob("*.md")]

    assert [page for page in pages if f"({page})" not in index and page != "README.md"] == []


@pytest.mark.parametrize(
    "page", [p for p in PAGES if NAMED_TEST.search(p.read_text(encoding="utf-8"))], ids=name_of
)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    named: list[tuple[str, str]] = NAMED_TEST.findall(page.read_text(encoding="utf-8"))

    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []


def test_the_page_of_errors_lists_them_all() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    classes = inspect.getmembers(errors, inspect.isclass)

    names = [name for name, cls in classes if issubclass(cls, errors.PerdureError)]

    assert [name for name in names if f"`{name}`" not in page and name != "PerdureError"] == []


def test_the_page_of_the_api_lists_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")

    names = [name for name in perdure.__all__ if not hasattr(errors, name)]

    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []
