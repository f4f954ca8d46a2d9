"""The facade: every public name is there, and importing it costs next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import perdure
from perdure import errors


@pytest.mark.parametrize("name", perdure.__all__)
def test_a_public_name_can_be_loaded(name: str) -> None:
    assert getattr(perdure, name) is not None


def test_every_error_is_public() -> None:
    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.PerdureError)
    }

    assert tree <= set(perdure.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = getattr(perdure, "Nonsense")  # noqa: B009 - a type checker refuses the plain form


def test_importing_perdure_loads_none_of_its_dependencies() -> None:
    code = "import sys, perdure; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "perdure" in loaded
    assert {"attrs", "msgspec", "pykka", "sqlite3", "asyncio", "click"}.isdisjoint(loaded)
