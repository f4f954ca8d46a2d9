"""The state machine: does the same on the model and on the real thing, and compares.

Crashes and reopenings are rules like the others. A rule that asks first lets everything happen
that was begun; a crash does not, so what was acknowledged just before it has to be found again.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.models.api import Api, outcome_of
from tests.models.expected import Model
from tests.models.places import weather

KEYS = ["a", "b", "ü 'ß"]
INSTANCES = ["i", "j", "k-é"]
key = st.sampled_from(KEYS)
instance = st.sampled_from(INSTANCES)
amount = st.integers(-3, 6)
delays = st.sampled_from([0.5, 3.0, 40.0])
request_ids = st.none() | st.sampled_from(["r1", "r2", "r3"])
pages = st.sampled_from([1, 2, 100])
statuses = st.sampled_from(
    ["Pending", "Running", "Completed", "Failed", "Terminated", "Suspended", "Canceled"]
)
alone = st.one_of(
    st.tuples(st.just("add"), st.tuples(amount)),
    st.tuples(st.just("add_slowly"), st.tuples(amount)),
    st.tuples(st.just("say"), st.tuples(st.sampled_from(["x", "\U0001f600\u2028"]))),
    st.tuples(st.just("say"), st.tuples(st.just("y"), st.integers(0, 2))),
    st.tuples(st.just("fail"), st.tuples(amount)),
    st.tuples(st.just("remind"), st.tuples(delays, amount)),
)
operations = alone | st.tuples(st.just("pass_on"), st.tuples(key, amount))
readings = st.sampled_from([("look", ()), ("cheat", ())])
commands = st.one_of(
    st.tuples(st.sampled_from(["stop", "raise", "again"])),
    st.tuples(st.sampled_from(["add", "work", "child"]), amount),
    st.tuples(st.just("sleep"), delays),
    st.tuples(st.sampled_from(["call", "signal"]), key, amount),
    st.tuples(st.just("move"), st.just("a"), st.just("b"), amount),
).map(list)


class Models(RuleBasedStateMachine):
    """One store and its model; a subclass says how the store is reached."""

    can: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        weather.is_bad = False
        self.model = Model()
        self.real: Api = self.reach()
        self.agrees = True
        self.delays = 0

    def reach(self) -> Api:
        """A way to a new store."""
        raise NotImplementedError

    def both(self, what: str, *arguments: Any, **named: Any) -> None:
        """Ask both; they must come to the same."""
        expected = outcome_of(lambda: getattr(self.model, what)(*arguments, **named))
        actual = outcome_of(lambda: getattr(self.real, what)(*arguments, **named))
        self.agrees = actual == expected
        assert self.agrees, f"{what} {arguments} {named}: {actual}, not {expected}"

    def timed(self, order: Any) -> list[Any]:
        """An operation or command whose delay is like no other: at the same time, no order
        is promised.
        """
        name, *rest = order
        match name, rest:
            case "remind", [[delay, amount]]:
                return [name, [self.fresh(delay), amount]]
            case "sleep", [delay]:
                return [name, self.fresh(delay)]
            case _:
                return [name, *rest]

    def fresh(self, delay: float) -> float:
        """A delay of about that length."""
        self.delays += 1
        return delay + self.delays / 1_000 + self.delays**2 / 1_000_000

    def ask(self, what: str, *arguments: Any, **named: Any) -> None:
        """Ask both, once all that was begun has happened."""
        self.real.settle()
        self.both(what, *arguments, **named)

    def teardown(self) -> None:
        try:
            if not self.agrees:
                return
            self.look(100)
            self.real.settle()
            assert self.real.findings() == []
        finally:
            weather.is_bad = False
            self.real.end()

    # ---- entities -------------------------------------------------------------------------

    @rule(key=key, operation=operations, request_id=request_ids)
    def signal(self, key: str, operation: tuple[str, Any], request_id: str | None) -> None:
        name, arguments = self.timed(operation)
        self.ask("signal", key, name, list(arguments), request_id=request_id)

    @rule(key=key, burst=st.lists(alone, min_size=2, max_size=4))
    def signals(self, key: str, burst: list[tuple[str, Any]]) -> None:
        self.real.settle()
        for name, arguments in map(self.timed, burst):
            self.both("signal", key, name, list(arguments))

    @rule(key=key, operation=operations | readings, request_id=request_ids)
    def call(self, key: str, operation: tuple[str, Any], request_id: str | None) -> None:
        name, arguments = self.timed(operation)
        self.ask("call", key, name, list(arguments), request_id)

    @precondition(lambda self: "delayed" in self.can)
    @rule(key=key, amount=amount, delay=delays, request_id=request_ids)
    def signal_later(self, key: str, amount: int, delay: float, request_id: str | None) -> None:
        self.ask("signal", key, "add", [amount], request_id=request_id, delay=self.fresh(delay))

    @rule(key=key)
    def delete(self, key: str) -> None:
        self.ask("delete", key)

    @rule(key=key, page=pages)
    def read(self, key: str, page: int) -> None:
        self.ask("state", key)
        self.both("history", key, page)
        self.both("boxes", page)

    @rule(key=key, version=st.integers(0, 12))
    def read_the_past(self, key: str, version: int) -> None:
        self.ask("as_of", key, version)

    @precondition(lambda self: "watch" in self.can)
    @rule(key=key, amount=st.integers(1, 5))
    def watch(self, key: str, amount: int) -> None:
        self.ask("watched", key, amount)

    # ---- orchestrations -------------------------------------------------------------------

    @rule(instance=instance, total=amount, request_id=request_ids)
    def start(self, instance: str, total: int, request_id: str | None) -> None:
        name = request_id and f"start-{request_id}"
        self.ask("start", instance, total, request_id=name)

    @precondition(lambda self: "delayed" in self.can)
    @rule(instance=instance, total=amount, delay=delays)
    def start_later(self, instance: str, total: int, delay: float) -> None:
        self.ask("start", instance, total, delay=self.fresh(delay))

    @precondition(lambda self: "start_or_get" in self.can)
    @rule(instance=instance, total=amount, replace=st.booleans())
    def start_or_get(self, instance: str, total: int, replace: bool) -> None:
        self.ask("start_or_get", instance, total, replace_finished=replace)

    @precondition(lambda self: "signal_with_start" in self.can)
    @rule(instance=instance, total=amount, command=commands)
    def signal_with_start(self, instance: str, total: int, command: list[Any]) -> None:
        self.ask("signal_with_start", instance, self.timed(command), total)

    @rule(instance=instance, command=commands, request_id=request_ids)
    def raise_event(self, instance: str, command: list[Any], request_id: str | None) -> None:
        name = request_id and f"event-{request_id}"
        self.ask("raise_event", instance, self.timed(command), name)

    @rule(instance=instance, several=st.lists(commands, min_size=2, max_size=3))
    def raise_while_suspended(self, instance: str, several: list[list[Any]]) -> None:
        self.ask("tell", instance, "suspend")
        for command in several:
            self.ask("raise_event", instance, self.timed(command))
        self.ask("tell", instance, "resume")

    @rule(
        instance=instance,
        what=st.sampled_from(["suspend", "suspend", "resume", "rewind", "purge", "cancel"]),
    )
    def tell(self, instance: str, what: str) -> None:
        if what == "cancel" and not ("cancel" in self.can and self.model.is_plain(instance)):
            return
        self.ask("tell", instance, what)

    @rule(instance=instance)
    def terminate(self, instance: str) -> None:
        self.ask("terminate", instance, "enough")

    @rule(instance=instance)
    def restart(self, instance: str) -> None:
        self.ask("restart", instance)

    @rule(instance=instance, prefix=st.sampled_from(["", "i", "k-"]), page=pages)
    def query(self, instance: str, prefix: str, page: int) -> None:
        self.ask("status", instance)
        self.both("query", None, prefix, page)
        self.both("count", prefix)
        if "result" in self.can:
            self.both("result", instance)

    @rule(chosen=st.lists(statuses, min_size=1, max_size=3, unique=True), page=pages)
    def query_some(self, chosen: list[str], page: int) -> None:
        self.ask("query", chosen, "", page)

    @rule(chosen=st.lists(statuses, min_size=1, max_size=2, unique=True))
    def purge_all(self, chosen: list[str]) -> None:
        self.ask("purge_all", chosen)

    # ---- the world ------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 60.0]))
    def advance(self, seconds: float) -> None:
        """Step by step, so that what is due at several times happens in their order."""
        self.real.settle()
        until = self.model.now + seconds
        while self.model.due and self.model.due[0] <= until:
            step = self.model.due[0] - self.model.now
            self.model.advance(step)
            self.real.advance(step)
            self.real.settle()
        rest = until - self.model.now
        self.model.advance(rest)
        self.real.advance(rest)

    @rule()
    def change_the_weather(self) -> None:
        self.real.settle()
        weather.is_bad = not weather.is_bad

    @rule()
    def crash(self) -> None:
        self.real.crash()

    @rule()
    def reopen(self) -> None:
        self.real.settle()
        self.real.reopen()

    @rule(page=pages)
    def look(self, page: int) -> None:
        """At everything."""
        self.ask("boxes", page)
        self.both("query", None, "", page)
        for each in KEYS:
            self.both("history", each, 0)
        if "changes" in self.can:
            self.both("changes")
