"""Runs one system's driver in that system's own environment: JSON lines in, JSON lines out.

``python launch.py DRIVER.py FOLDER`` loads the driver, starts its system in the folder, writes
one line about it and then one line for each line that it reads. Only the standard library and
the file beside it: the environment has the system, and nothing of perdure's.

A driver has a class ``System``: ``name``, ``durability``, ``client`` (its shape, for people),
``shape`` (for the loops), ``version()``, ``start(folder)``, ``stop()``, and as many of these
operations as it has, all plain or all coroutines, as its shape is:

    signal(key)             adds 1 to a counter and may return before that is done
    call(key)               adds 1 to a counter and gives what it has then
    total(key)              what a counter has
    sequence(number)        three steps that each add 1 to the number, and gives it
    fan_out(width)          so many steps at once, and gives the sum of 0 + 1, 1 + 1, …
    transfer(giver, taker)  moves 1 between accounts;  balance(key)
    hold(count)             begins so many that stand in the middle of a step
    held(count)             waits until all of them have ended, and gives how many did
    http_call(key)          as call, through HTTP;  http_total(key) where total does not see it

Where a loop of its own suits it better: ``load_signal(keys, seconds)``, ``load_sequence(
in_flight, seconds)``, ``load_transfer(in_flight, seconds, pairs)`` and ``fill(count, keys)``.
The loads give how many they did and the sum of the results.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import platform
import sqlite3
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __name__ != "__main__":
    from perdure.benchmarks.peers import loads
else:
    import loads  # a script looks in its own folder first; there is no perdure here

OPERATIONS = (
    "signal", "call", "total", "sequence", "fan_out", "transfer", "balance", "hold", "held",
    "http_call",
)  # fmt: skip
SETTLE_SECONDS = 120.0
FILLING = 8
"""In flight while counters are filled: some systems allow few for one of them."""


class Launched:
    """A started system and the requests that it answers."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.is_async = system.shape == "asyncio"
        self.loop = asyncio.new_event_loop() if self.is_async else None
        self.series = time.time_ns()  # counters of an earlier start are others

    def names(self, keys: int) -> list[str]:
        """The counters of this load: new ones each time, so that all start at 0."""
        return [f"n{self.series}-{number}" for number in range(max(1, keys))]

    def run(self, value: Any) -> Any:
        """The result of an operation, whichever shape it has."""
        if self.loop is not None and asyncio.iscoroutine(value):
            return self.loop.run_until_complete(value)
        return loads.finished(value)

    def about(self) -> dict[str, Any]:
        """What people want to know of the system, and what it can do."""
        system = self.system
        return {
            "name": system.name,
            "version": system.version(),
            "durability": system.durability,
            "client": system.client,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "can": [name for name in OPERATIONS if hasattr(system, name)],
        }

    def answer(self, request: dict[str, Any]) -> Any:
        """Do what one line asks for."""
        wanted = dict(request)
        match wanted.pop("do"):
            case "closed":
                return self.closed(**wanted)
            case "open":
                return self.open(**wanted)
            case "fill":
                return self.fill(**wanted)
            case "read":
                return self.read(**wanted)
            case "hold":
                return self.run(self.system.hold(wanted["count"]))
            case "held":
                return self.run(self.system.held(wanted["count"]))
            case other:
                msg = f"no request is called {other}"
                raise ValueError(msg)

    # ---- loads ------------------------------------------------------------------------------

    def work(self, what: str, keys: int, pairs: list[list[str]], width: int) -> loads.Work:
        """What the loops do again and again."""
        system = self.system
        names = self.names(keys)

        def mixed(number: int) -> Any:
            if number % 10 == 0:
                return system.sequence(1)
            return system.call(names[number % len(names)])

        table: dict[str, loads.Work] = {
            "sequence": lambda _: system.sequence(1),
            "fan_out": lambda _: system.fan_out(width),
            "signal": lambda number: system.signal(names[number % len(names)]),
            "call": lambda number: system.call(names[number % len(names)]),
            "http_call": lambda number: system.http_call(names[number % len(names)]),
            "transfer": lambda number: system.transfer(*pairs[number % len(pairs)]),
            "mixed": mixed,
        }
        return table[what]

    def closed(
        self,
        what: str,
        in_flight: int,
        seconds: float,
        keys: int = 1,
        pairs: list[list[str]] | None = None,
        width: int = 0,
    ) -> dict[str, Any]:
        """Keep so many under way for some time; what was done, and what is there now."""
        self.series += 1
        own = getattr(self.system, f"load_{what}", None)
        begun = time.perf_counter()
        if own is not None:
            given = self.names(keys) if what == "signal" else in_flight
            count, total = own(given, seconds, *([pairs] if pairs else []))
            tally = loads.Tally()
            tally.count, tally.total = count, total
        else:
            work = self.work(what, keys, pairs or [], width)
            tally = self._closed(work, in_flight, seconds)
        if what == "signal":
            self._settle(self.names(min(keys, tally.count)), tally.count)
        taken = time.perf_counter() - begun
        return self._outcome(what, keys, pairs or [], tally, taken)

    def _closed(self, work: loads.Work, in_flight: int, seconds: float) -> loads.Tally:
        if self.loop is None:
            return loads.closed(self.system.shape, work, in_flight, seconds)
        return self.loop.run_until_complete(loads.closed_async(work, in_flight, seconds))

    def open(self, what: str, rate: float, seconds: float, keys: int = 1) -> dict[str, Any]:
        """Begin operations at a rate, whether or not they are answered."""
        self.series += 1
        work = self.work(what, keys, [], 0)
        begun = time.perf_counter()
        if self.loop is None:
            tally = loads.open_load(work, rate, seconds)
        else:
            tally = self.loop.run_until_complete(loads.open_load_async(work, rate, seconds))
        return self._outcome(what, keys, [], tally, time.perf_counter() - begun)

    def _outcome(
        self, what: str, keys: int, pairs: list[list[str]], tally: loads.Tally, taken: float
    ) -> dict[str, Any]:
        outcome: dict[str, Any] = {
            "count": tally.count,
            "seconds": taken,
            "total": tally.total,
            **loads.percentiles(tally.seconds),
        }
        if what == "http_call" and hasattr(self.system, "http_total"):
            names = self.names(min(keys, tally.count))
            outcome["found"] = sum(self.run(self.system.http_total(name)) for name in names)
        elif what in {"call", "signal", "http_call", "mixed"}:
            outcome["found"] = self.totals(self.names(min(keys, tally.count)))
        elif what == "transfer":
            names = sorted({name for pair in pairs for name in pair})
            outcome["found"] = {
                name: self.run(self.system.balance(name))
                for name in names
                if name in {end for pair in pairs[: tally.count] for end in pair}
            }
        return outcome

    # ---- what is there ----------------------------------------------------------------------

    def totals(self, names: list[str]) -> int:
        """What these counters have together."""
        if self.loop is None:
            return sum(loads.finished(self.system.total(name)) for name in names)

        async def all_of() -> int:
            found = 0
            for first in range(0, len(names), 64):
                some = (self.system.total(name) for name in names[first : first + 64])
                found += sum(await asyncio.gather(*some))
            return found

        return self.loop.run_until_complete(all_of())

    def _settle(self, names: list[str], count: int) -> None:
        """Wait until as many signals are applied as were sent."""
        if hasattr(self.system, "settle"):
            self.run(self.system.settle(count))
            return
        deadline = time.perf_counter() + SETTLE_SECONDS
        while self.totals(names) < count and time.perf_counter() < deadline:
            time.sleep(0.01)

    def fill(self, count: int, keys: int) -> dict[str, Any]:
        """Apply *count* signals to *keys* counters in turn."""
        begun = time.perf_counter()
        if hasattr(self.system, "fill"):
            self.system.fill(count, keys)
        else:
            names = iter(range(count))

            def one(_: int) -> Any:
                number = next(names, None)
                return None if number is None else self.system.call(f"c{number % keys}")

            async def one_async(number: int) -> Any:
                work = one(number)
                return work if work is None else await work

            while next_left(names):
                self._closed(one_async if self.is_async else one, FILLING, 0.5)
        return {"seconds": time.perf_counter() - begun}

    def read(self, keys: list[str]) -> dict[str, Any]:
        """Read counters one after the other: what each has, and the time each took."""
        found: list[int] = []
        taken: list[float] = []
        for key in keys:
            begun = time.perf_counter()
            found.append(self.run(self.system.total(key)))
            taken.append(time.perf_counter() - begun)
        return {"found": found, **loads.percentiles(taken)}


def next_left(numbers: Any) -> bool:
    """Whether an iterator of a range has numbers left."""
    return bool(numbers.__length_hint__())


def load_driver(path: Path) -> Any:
    """The class ``System`` of a driver's file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module.System


def main(driver: str, folder: str) -> None:
    """Serve requests from standard input until it ends.

    What libraries print goes to standard error, so that it is not taken for answers.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def write(value: object) -> None:
        answers.write(json.dumps(value) + "\n")

    launched: Launched | None = None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        launched = Launched(load_driver(Path(driver))())
        launched.run(launched.system.start(Path(folder)))
        write({"ok": launched.about()})
        for line in sys.stdin:
            try:
                write({"ok": launched.answer(json.loads(line))})
            except Exception as error:
                traceback.print_exc()
                write({"error": f"{type(error).__name__}: {error}"})
    except Exception as error:
        traceback.print_exc()
        write({"error": f"{type(error).__name__}: {error}"})
    finally:
        if launched is not None:
            with contextlib.suppress(Exception):
                launched.run(launched.system.stop())
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
