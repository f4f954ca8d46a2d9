"""The lock file of development: every package that is asked for, with versions and hashes."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
PINNED = re.compile(
    r"^([a-z0-9._-]+)==(\S+)(?: ; .*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", re.M
)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~ ;]", name)[0]).lower()


def asked_for() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = "\n".join(setup["options.extras_require"].values())
    lines = (setup["options"]["install_requires"] + "\n" + extras).split("\n")
    return {plain(line) for line in lines if line.strip()}


def test_every_package_that_is_asked_for_is_pinned_by_hashes() -> None:
    pinned = {plain(name) for name, _, _ in PINNED.findall(LOCK)}

    assert asked_for() - pinned == set()


def test_nothing_in_it_is_without_a_hash_or_from_elsewhere() -> None:
    requirements = [line for line in LOCK.split("\n") if line and line[0] not in " #"]

    assert len(requirements) == len(PINNED.findall(LOCK)) > 50
    assert "://" not in LOCK
