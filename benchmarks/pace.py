"""How long the rest of a run takes: what its steps took so far, and what they usually take.

Pure: the clock is asked by whoever calls.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import attrs
import msgspec

UNKNOWN_SECONDS = 4.0
"""Of a step that nobody has taken yet."""


@cache
def usual_seconds() -> Mapping[str, float]:
    """What each step took in an earlier whole run, on some machine."""
    path = Path(__file__).with_name("usual_seconds.json")
    return msgspec.json.decode(path.read_bytes(), type=dict[str, float])


@attrs.define
class Pace:
    """Steps that are ahead, and what those behind took.

    Attributes:
        ahead: names of the steps to take, in their order.
        usual: seconds of a step by its name.
        scale: of the work, for as long as nothing was measured.
    """

    ahead: list[str]
    usual: Mapping[str, float]
    scale: float = 1.0
    taken: dict[str, list[float]] = attrs.Factory(dict[str, list[float]])

    @classmethod
    def of(cls, ahead: Iterable[str], scale: float) -> Pace:
        """Before the first step."""
        return cls(ahead=list(ahead), usual=usual_seconds(), scale=scale)

    def took(self, name: str, seconds: float) -> None:
        """The next step, which is called *name*, is done."""
        self.taken.setdefault(name, []).append(seconds)
        self.ahead.remove(name)

    def medians(self) -> dict[str, float]:
        """What each kind of step took."""
        return {name: statistics.median(seconds) for name, seconds in self.taken.items()}

    def seconds_left(self) -> float:
        """Of all steps that are ahead."""
        known, factor = self.medians(), self._factor()
        return sum(
            known[name] if name in known else self._usually(name) * factor
            for name in self.ahead
        )

    def _usually(self, name: str) -> float:
        return self.usual.get(name, UNKNOWN_SECONDS)

    def _factor(self) -> float:
        """How much longer than usual this run's steps take."""
        usually = sum(len(each) * self._usually(name) for name, each in self.taken.items())
        if usually < UNKNOWN_SECONDS:
            return self.scale
        return sum(sum(each) for each in self.taken.values()) / usually
