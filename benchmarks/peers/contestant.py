"""A system in a process of its own: started, asked, restarted in the same folder, killed."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from perdure.benchmarks.peers.catalog import HERE, Peer, python_of

ANSWER_SECONDS = 300.0


class PeerError(Exception):
    """A system did not start, did not answer, or answered with an error."""


class Contestant:
    """One peer and its folder.

    Attributes:
        peer: which.
        about: what its driver says of it, once it was started.
        start_seconds: what its last start took, from the process to the first answer.
    """

    def __init__(self, peer: Peer, folder: Path, *, driver: Path | None = None) -> None:
        self.peer = peer
        self.about: dict[str, Any] = {}
        self.start_seconds = 0.0
        self._driver = driver or peer.driver
        self._folder = folder
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def folder(self) -> Path:
        """Where its files are now."""
        return self._folder / str(self._number)

    def lacks(self, operations: str) -> list[str]:
        """Which of some operations its driver has not."""
        return [name for name in operations.split() if name not in self.about.get("can", ())]

    def start(self) -> None:
        """Start it unless it runs.

        Raises:
            PeerError: it did not.
        """
        if self._process is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        with (self._folder / "stderr.log").open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python_of(self.peer)), str(HERE / "launch.py"), str(self._driver),
                 str(self.folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        self.about = self._answer(ANSWER_SECONDS)
        self.start_seconds = time.monotonic() - begun

    def ask(self, what: str, /, **arguments: Any) -> Any:
        """Have it do something, and return its answer.

        Raises:
            PeerError: it answered with an error, or not at all.
        """
        self.start()
        assert self._process is not None
        assert self._process.stdin is not None
        request = json.dumps({"do": what, **arguments}) + "\n"
        try:
            self._process.stdin.write(request.encode())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise PeerError(self._ended()) from error
        return self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self.kill()
                msg = f"{self.peer.name} gave no answer for {seconds:g} s"
                raise PeerError(msg)
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(self._ended())
        answer = json.loads(line)
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer["ok"]

    def _ended(self) -> str:
        log = self._folder / "stderr.log"
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return f"{self.peer.name} ended: {' '.join(last)}"

    def restart(self) -> None:
        """Stop it and start it again with the files it has."""
        self.close()
        self.start()

    def renew(self) -> None:
        """Stop it and forget its files; the next start finds an empty folder."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._number += 1

    def close(self) -> None:
        """Let it stop by itself, and what it started too."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.close()
            process.wait(30)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass
        finally:
            _kill_all(process)

    def kill(self) -> None:
        """End it and all its processes at once, as kill -9 does."""
        process, self._process = self._process, None
        if process is not None:
            _kill_all(process)

    def resident_kib(self) -> float:
        """What it and all that it started have in memory now, as far as Linux tells."""
        assert self._process is not None
        pages = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
                session, resident = int(fields.split()[3]), int(fields.split()[21])
            except (OSError, IndexError, ValueError):
                continue  # it has just ended
            pages += resident if session == self._process.pid else 0
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill the processes of its session: drivers start servers, and servers start others."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                pass
    process.wait(30)
