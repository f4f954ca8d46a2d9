"""The shape of the source: sizes, packages, links, and what library code never does."""

from __future__ import annotations

import ast
import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("actors", "benchmarks", "gateway", "orchestration", "remote", "storage")
LIBRARY = ("actors", "benchmarks", "gateway", "orchestration", "perdure", "remote", "storage")
CODE = (*LIBRARY, "examples", "tests")
FILE_LINES = 450
FUNCTION_LINES = 70
UNSAFE_MODULES = {"cPickle", "dill", "marshal", "pickle", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "__import__"}
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")


def python_files(*folders: str) -> list[Path]:
    """The folders' files; links are followed nowhere, so that no file comes twice."""
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not any(parent.is_symlink() for parent in path.parents)
    ]


def modules_imported(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names]
            case ast.ImportFrom(module="perdure", names=names):
                found += ["perdure.errors" if n.name == "errors" else "perdure" for n in names]
            case ast.ImportFrom(module=str(module)):
                found.append(module)
            case _:
                pass
    return found


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def packages_in_setup() -> tuple[dict[str, str], set[str]]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    pairs = (line.split("=") for line in setup["options"]["package_dir"].split("\n") if line)
    folders = {package.strip(): folder.strip() for package, folder in pairs}
    return folders, set(setup["options"]["packages"].split())


@pytest.mark.parametrize("path", python_files(*CODE), ids=name_of)
def test_a_file_has_at_most_450_lines_and_nothing_unfinished(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= FILE_LINES
    assert [line for line in lines if UNFINISHED.search(line)] == []


@pytest.mark.parametrize("path", python_files(*CODE), ids=name_of)
def test_a_function_has_at_most_70_lines(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    long = {
        node.name: lines
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }

    assert long == {}


@pytest.mark.parametrize("path", python_files(*LIBRARY), ids=name_of)
def test_a_library_file_says_its_idea_first(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", python_files(*LIBRARY), ids=name_of)
def test_library_code_never_runs_what_it_reads(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert UNSAFE_MODULES.isdisjoint(name.split(".")[0] for name in modules_imported(path))
    assert UNSAFE_CALLS.isdisjoint(calls)


@pytest.mark.parametrize(
    "path", python_files("actors", "gateway", "orchestration", "remote", "storage"), ids=name_of
)
def test_what_is_behind_the_facade_never_imports_it(path: Path) -> None:
    assert "perdure" not in modules_imported(path)


@pytest.mark.parametrize("path", python_files("storage"), ids=name_of)
def test_storage_opens_no_file_by_itself(path: Path) -> None:
    """Closing any handle of a store's file drops the POSIX locks that SQLite holds on it.

    The lock of the owner is on a file of its own, which may be read; so may MOUNTS, which is
    the kernel's, and a log, on which SQLite holds no lock.
    """
    opens = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _opens_a_file(node)
    ]

    assert opens == []


def _opens_a_file(call: ast.Call) -> bool:
    match call:
        case ast.Call(
            func=ast.Name(id="open"), args=[ast.Call(func=ast.Name(id="lock_path")), *_]
        ):
            return False
        case ast.Call(func=ast.Name(id="open"), args=[ast.Name(id="MOUNTS" | "log"), *_]):
            return False
        case ast.Call(func=ast.Name(id="open")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="io" | "gzip"), attr="open")):
            return True
        case ast.Call(func=ast.Attribute(attr="read_bytes" | "write_bytes" | "write_text")):
            return True
        case _:
            return False


def test_setup_lists_exactly_the_packages_that_are_there() -> None:
    folders, listed = packages_in_setup()

    there: set[str] = set()
    for folder in LIBRARY:
        top = "perdure" if folder == "perdure" else f"perdure.{folder}"
        for init in python_files(folder):
            if init.name == "__init__.py":
                inner = init.parent.relative_to(ROOT / folder).parts
                there.add(".".join((top, *inner)))

    assert listed == there
    assert folders == {"perdure": "perdure"} | {f"perdure.{name}": name for name in LINKED}


@pytest.mark.parametrize("folder", LINKED)
def test_the_facade_links_to_the_real_folder(folder: str) -> None:
    link = ROOT / "perdure" / folder

    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder


def test_every_kind_of_document_is_there() -> None:
    kinds = {path.name for path in (ROOT / "docs").iterdir() if path.is_dir()}

    assert {"tutorial", "how-to", "reference", "why"} <= kinds
