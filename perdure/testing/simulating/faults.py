"""What can go wrong in a simulated world, and which of it does with a certain seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import attrs


@attrs.frozen
class Fault:
    """One kind of trouble.

    Attributes:
        most: how likely it is at most, each time that it could happen; a seed draws less.
        share: in how many of the seeds there is any of it.
        text: what it is.
    """

    most: float
    text: str
    share: float = 0.4


FAULTS = {
    "crash": Fault(0.02, "the process dies at any moment"),
    "crash-before-commit": Fault(0.1, "it dies with a commit in hand, before it is durable"),
    "crash-after-commit": Fault(0.1, "it dies after a commit, before anybody knows of it"),
    "crash-activation": Fault(0.1, "it dies while actors are read from the store"),
    "crash-opening": Fault(0.5, "it dies while it opens the store, or migrates its file"),
    "crash-shutdown": Fault(0.5, "it dies in the middle of an orderly shutdown"),
    "restart": Fault(0.01, "it is shut down in order, and started again"),
    "commit-fails": Fault(0.1, "a commit fails, and nothing of it is written"),
    "commit-unknown": Fault(0.1, "a commit fails although it is written"),
    "commit-rejected": Fault(0.1, "the store refuses a batch for what is in it", 0.25),
    "commit-stalls": Fault(0.2, "a commit takes up to half a minute"),
    "commit-repeated": Fault(0.3, "an old batch reaches the store again, which must refuse it"),
    "disk-full": Fault(0.03, "the disk is full, for up to ten seconds"),
    "activity-late": Fault(0.4, "an activity's result comes up to 90 seconds late"),
    "activity-twice": Fault(0.3, "an activity runs twice, and both results come"),
    "activity-never": Fault(0.1, "an activity hangs until the process ends"),
    "activity-kills": Fault(0.06, "an activity ends the process, before or after its work"),
    "clock-forward": Fault(0.03, "the clock jumps ahead, by up to three seconds"),
    "clock-back": Fault(0.5, "the clock is set back while there is no process"),
    "repeats": Fault(1.0, "a client sends a request a second time, with the same id"),
    "lost-baton": Fault(0.5, "an operation blocks its thread, and the others go on"),
    "passivation": Fault(0.5, "an actor is dropped from memory as soon as it may be"),
    "short-turns": Fault(1.0, "an actor handles only a few messages in a row"),
    "tight-limits": Fault(1.0, "queues, pages and caches hold only a few", 0.2),
    "sqlite": Fault(1.0, "the store is a SQLite file, which begins as an older version's", 0.1),
}
"""By name. A scenario may have faults of its own beside these."""


class Swarm:
    """The faults of one seed. Each has randomness of its own, so that one that is left out
    does not change how the others are drawn.

    Attributes:
        happened: how often each did.
        calm: nothing happens any more.
    """

    def __init__(self, seed: int, only: Iterable[str] | None = None) -> None:
        self.happened: Counter[str] = Counter()
        self.calm = False
        self._seed = seed
        self._only = None if only is None else frozenset(only)
        self._draws: dict[str, random.Random] = {}
        self._rates: dict[str, float] = {}

    def of(self, name: str) -> random.Random:
        """The randomness of one fault; it is the same with every hash seed of Python."""
        draw = self._draws.get(name)
        if draw is None:
            draw = self._draws[name] = random.Random(f"{self._seed} {name}")
        return draw

    def rate(self, name: str, most: float | None = None) -> float:
        """How likely *name* is each time with this seed; 0 when it has none of it.

        Args:
            name: of the fault.
            most: how likely at most, of a fault of the scenario's own.
        """
        rate = self._rates.get(name)
        if rate is None:
            kind = FAULTS.get(name) or Fault(1.0 if most is None else most, name)
            draw = self.of(name)
            here, drawn = draw.random() < kind.share, kind.most * draw.random()
            allowed = self._only is None or name in self._only
            rate = self._rates[name] = drawn if here and allowed else 0.0
        return rate

    def has(self, name: str) -> bool:
        """Whether the whole run is so, of what is a circumstance rather than an event."""
        if not self.rate(name):
            return False
        self.happened[name] = 1
        return True

    def happens(self, name: str, most: float | None = None) -> bool:
        """Whether it does this time."""
        if self.calm:
            return False
        rate = self.rate(name, most)
        if not rate or self.of(name).random() >= rate:
            return False
        self.happened[name] += 1
        return True
