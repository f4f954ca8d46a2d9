"""A system that is a dictionary: what the launcher and its loops do can be seen on it."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class System:
    name = "fake"
    durability = "a text file"
    client = "none"
    shape = "threads"

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self.adding = threading.Lock()

    def version(self) -> str:
        return "1"

    def start(self, folder: Path) -> None:
        print("libraries print where they like")
        self.file = folder / "values"
        if self.file.exists():
            lines = self.file.read_text("utf-8").splitlines()
            self.values = {key: int(value) for key, value in (line.split() for line in lines)}

    def stop(self) -> None:
        lines = [f"{key} {value}" for key, value in self.values.items()]
        self.file.write_text("\n".join(lines), "utf-8")

    def call(self, key: str) -> int:
        with self.adding:
            value = self.values.get(key, 0) + 1
            self.values[key] = value
        return value

    def signal(self, key: str) -> None:
        """One in ten is lost."""
        if sum(self.values.values()) % 10 != 9 or os.environ.get("FAKE_LOSES_NOTHING"):
            self.call(key)

    def settle(self, count: int) -> None:
        del count

    def total(self, key: str) -> int:
        return self.values.get(key, 0)

    def sequence(self, number: int) -> int:
        if number < 0:
            os._exit(3)
        return number + 3
