"""Modules of one project: found by their names from the files that import them, never run."""

from __future__ import annotations

import ast
from pathlib import Path

import attrs

from perdure.linting.names import Function, Names

_DETOURS = 5
"""How often a name may be imported from a module that imports it itself."""


@attrs.frozen(eq=False)
class Module:
    """One file.

    Attributes:
        path: as it is told in findings.
        tree: its syntax.
        names: what names in it mean.
        lines: of its text.
    """

    path: str
    tree: ast.Module
    names: Names
    lines: list[str]

    @classmethod
    def of(cls, text: str, path: str) -> Module:
        """The module of a text; raises what ``ast.parse`` does."""
        tree = ast.parse(text)
        return cls(path, tree, Names(tree), text.splitlines())


class Modules:
    """The modules that were read, by their paths."""

    def __init__(self) -> None:
        self._read: dict[Path, Module | None] = {}

    def add(self, module: Module) -> None:
        """Know a module that was read already."""
        path = Path(module.path)
        if path.exists():
            self._read[path.resolve()] = module

    def function(
        self, importer: Module, name: str, detours: int = _DETOURS
    ) -> tuple[Module, Function] | None:
        """The function of that full name, if it is the project's, and where it is."""
        place, _, last = name.rpartition(".")
        for path in _paths(Path(importer.path), place, name.startswith(".")):
            module = self._load(path)
            if module is None or module is importer:
                continue
            found = module.names.functions.get(last)
            if found is not None:
                return module, found
            elsewhere = module.names.imported(last)
            if elsewhere and detours:
                return self.function(module, elsewhere, detours - 1)
        return None

    def _load(self, path: Path) -> Module | None:
        key = path.resolve()
        if key not in self._read:
            try:
                self._read[key] = Module.of(path.read_text(encoding="utf-8"), str(path))
            except (OSError, SyntaxError, ValueError):
                self._read[key] = None  # it is told where the file itself is checked
        return self._read[key]


def _paths(importer: Path, place: str, is_relative: bool) -> list[Path]:
    """Files that may be the module *place* for the file that imports it."""
    parts = [part for part in place.split(".") if part]
    if is_relative:
        dots = len(place) - len(place.lstrip(".")) or 1
        roots = [[importer.parent, *importer.parent.parents][dots - 1]]
    else:
        roots = [_root(importer.parent), importer.parent]
    found: list[Path] = []
    for root in roots:
        base = root.joinpath(*parts)
        found += [base.with_suffix(".py")] if parts else []
        found.append(base / "__init__.py")
    return [path for path in dict.fromkeys(found) if path.is_file()]


def _root(folder: Path) -> Path:
    """The folder that holds the outermost package that *folder* is in."""
    folder = folder.resolve() if (folder / "__init__.py").is_file() else folder
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder
