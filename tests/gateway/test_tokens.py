"""The file with the token."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perdure.errors import StoreOpenError
from perdure.gateway.security.tokens import token_of, token_path


def test_it_is_made_once_and_only_its_user_can_read_it(tmp_path: Path) -> None:
    store = str(tmp_path / "shop.db")
    old = os.umask(0)
    try:
        token = token_of(store)
    finally:
        os.umask(old)

    assert len(token) >= 43
    assert token_of(store) == token
    assert Path(token_path(store)).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db.token"]
    assert token_of(str(tmp_path / "other.db")) != token


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_one_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    store = str(tmp_path / "shop.db")
    token_of(store)
    os.chmod(token_path(store), mode)

    with pytest.raises(StoreOpenError, match="others may read or change"):
        token_of(store)


@pytest.mark.parametrize("content", ["", "short", "x" * 31, "x" * 40 + "\0", "é" * 40])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    store = str(tmp_path / "shop.db")
    path = Path(token_path(store))
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)

    with pytest.raises(StoreOpenError, match="no token"):
        token_of(store)


def test_a_link_and_a_folder_are_refused(tmp_path: Path) -> None:
    store, other = str(tmp_path / "shop.db"), str(tmp_path / "other.db")
    token_of(other)
    os.symlink(token_path(other), token_path(store))

    with pytest.raises(StoreOpenError, match="cannot be read"):
        token_of(store)

    os.unlink(token_path(store))
    os.mkdir(token_path(store))
    with pytest.raises(StoreOpenError, match="not a file of yours"):
        token_of(store)
