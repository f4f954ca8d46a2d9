"""What to check: files, folders, and modules by name, none of which is imported."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from perdure.errors import InvalidInputError
from perdure.linting.checking import Finding, check_source
from perdure.linting.modules import Modules

_HIDDEN = (".", "__pycache__")


def check_targets(targets: Iterable[str | Path]) -> list[Finding]:
    """What is wrong in files, folders of them, and modules by name.

    Raises:
        InvalidInputError: one of them is not there.
    """
    modules = Modules()
    found = (
        finding
        for target in targets
        for path in _files(target)
        for finding in check_source(path.read_text(encoding="utf-8"), str(path), modules)
    )
    return list(dict.fromkeys(found))  # a helper is reached from several places


def _files(target: str | Path) -> Iterator[Path]:
    path = Path(target)
    if not path.exists():
        path = _module(str(target))
    if path.is_file():
        yield path
        return
    for file in sorted(path.rglob("*.py")):
        if not any(part.startswith(_HIDDEN) for part in file.relative_to(path).parts):
            yield file


def _module(name: str) -> Path:
    """The file or folder of a module, found by its name alone."""
    if all(part.isidentifier() for part in name.split(".")):
        for folder in (".", *sys.path):
            path = Path(folder, *name.split("."))
            if path.with_suffix(".py").is_file():
                return path.with_suffix(".py")
            if path.is_dir():
                return path
    msg = f"{name!r} is no file, no folder and no module that is found from here"
    raise InvalidInputError(msg)
