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
    held(count)             waits until all of them have ended; gives how many did, and how many
                            seconds it took to count them
    wait(count, first)      begins so many that wait for an event, numbered from *first*
    http_call(key)          as call, through HTTP;  http_total(key) where total does not see it

Where a loop of its own suits it better: ``load_signal(keys, seconds)``, ``load_sequence(
in_flight, seconds)``, ``load_transfer(in_flight, seconds, pairs)`` and ``fill(count, keys,
first)``. The loads give how many they did and the sum of the results. ``most_keys`` is for a
system that cannot have as many counters as others: loads then use the same few again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
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
    "wait", "http_call",
)  # fmt: skip
COUNTING = ("call", "signal", "http_call", "mixed")
"""What adds to counters, which are read afterwards."""
SETTLE_SECONDS = 120.0
COLLECTOR = (50_000, 20, 50)
"""Python's garbage collector as ``perdure run`` sets it, for every system alike."""
FILLING = 8
"""In flight while counters are filled: some systems allow few for one of them."""
FILL_SECONDS, LOOK_SECONDS = 60.0, 2.0
"""A filling that would take longer is given up once its pace is known."""


class Launched:
    """A started system and the requests that it answers."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.is_async = system.shape == "asyncio"
        self.loop = asyncio.new_event_loop() if self.is_async else None
        self.series = time.time_ns()  # counters of an earlier start are others

    def names(self, keys: int) -> list[str]:
        """The counters of this load: new ones each time, so that all start at 0."""
        most = getattr(self.system, "most_keys", None)
        if most is not None:
            return [f"n{number}" for number in range(max(1, min(keys, most)))]
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
            case "wait":
                return self.run(self.system.wait(wanted["count"], wanted["first"]))
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
        before = self._before(what, keys)
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
        end = time.perf_counter()
        if what == "signal":
            end = self._settle(self.names(min(keys, tally.count)), before + tally.count)
        return self._outcome(what, keys, pairs or [], tally, end - begun, before)

    def _before(self, what: str, keys: int) -> int:
        """What the counters of the next load have: nothing, unless they are used again."""
        self.series += 1
        if hasattr(self.system, "most_keys") and what in COUNTING:
            return self.totals(self.names(keys))
        return 0

    def _closed(self, work: loads.Work, in_flight: int, seconds: float) -> loads.Tally:
        if self.loop is None:
            return loads.closed(self.system.shape, work, in_flight, seconds)
        return self.loop.run_until_complete(loads.closed_async(work, in_flight, seconds))

    def open(self, what: str, rate: float, seconds: float, keys: int = 1) -> dict[str, Any]:
        """Begin operations at a rate, whether or not they are answered."""
        before = self._before(what, keys)
        work = self.work(what, keys, [], 0)
        begun = time.perf_counter()
        if self.loop is None:
            tally = loads.open_load(work, rate, seconds)
        else:
            tally = self.loop.run_until_complete(loads.open_load_async(work, rate, seconds))
        taken = time.perf_counter() - begun
        return self._outcome(what, keys, [], tally, taken, before)

    def _outcome(
        self,
        what: str,
        keys: int,
        pairs: list[list[str]],
        tally: loads.Tally,
        taken: float,
        before: int,
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
        elif what in COUNTING:
            outcome["found"] = self.totals(self.names(min(keys, tally.count))) - before
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

    def _settle(self, names: list[str], count: int) -> float:
        """Wait until as many signals are applied as were sent; when they were.

        Where only reading the counters tells, the last reading does not count: all had been
        applied when it began.
        """
        if hasattr(self.system, "settle"):
            self.run(self.system.settle(count))
            return time.perf_counter()
        begun = time.perf_counter()
        deadline = begun + SETTLE_SECONDS
        while self.totals(names) < count and begun < deadline:
            time.sleep(0.01)
            begun = time.perf_counter()
        return begun

    def fill(self, count: int, keys: int, first: int = 0) -> dict[str, Any]:
        """Apply *count* signals to *keys* counters in turn, beginning with the *first*."""
        begun = time.perf_counter()
        if hasattr(self.system, "fill"):
            self.system.fill(count, keys, first)
            return {"seconds": time.perf_counter() - begun}
        names = iter(range(first, first + count))

        def one(_: int) -> Any:
            number = next(names, None)
            return None if number is None else self.system.call(f"c{number % keys}")

        async def one_async(number: int) -> Any:
            work = one(number)
            return work if work is None else await work

        while left := numbers_left(names):
            self._closed(one_async if self.is_async else one, FILLING, 0.5)
            taken, done = time.perf_counter() - begun, count - left
            if done and taken > LOOK_SECONDS and taken * count / done > FILL_SECONDS:
                msg = (
                    f"{count:,} additions, {FILLING} in flight, would take "
                    f"{taken * count / done:.0f} s, more than {FILL_SECONDS:.0f}"
                )
                raise TimeoutError(msg)
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


def numbers_left(numbers: Any) -> int:
    """How many numbers an iterator of a range has left."""
    return int(numbers.__length_hint__())


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
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
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
