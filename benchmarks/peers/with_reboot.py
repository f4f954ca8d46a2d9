"""Reboot: its applications need generated code and an Envoy proxy beside them.

The package installs, but what its command starts does not run from it alone: it looks for an
``envoy`` binary, or for Docker to run one. Where neither is there, this says so.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path


class System:
    """Reported with the reason, as long as there is no driver for it."""

    name = "reboot"
    durability = "RocksDB"
    client = "none"
    shape = "asyncio"

    def version(self) -> str:
        return version("reboot")

    async def start(self, folder: Path) -> None:
        del folder
        missing = [name for name in ("envoy", "docker") if shutil.which(name) is None]
        if len(missing) == 2:
            msg = "Reboot was installed, but needs envoy or docker, and neither is here"
        else:
            msg = "Reboot was installed, but no driver for it has been written yet"
        raise RuntimeError(msg)

    async def stop(self) -> None:
        """Nothing was started."""
