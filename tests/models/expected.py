"""The model: boxes, and what becomes of orchestrations. It knows nothing of the engine."""

from __future__ import annotations

from typing import Any

import attrs

from perdure import errors
from tests.models.api import EVERYTHING, Command, Refused, Status
from tests.models.boxes import Boxes
from tests.models.places import weather

FINISHED = ("Completed", "Failed", "Terminated", "Canceled")


@attrs.define
class Clerk:
    """One orchestration.

    Attributes:
        queue: commands that it has not begun with.
        hand: the command that it waits in, or has failed in.
        wakes: when that wait is over.
        number: commands begun with in this generation.
    """

    name: str
    input: int
    total: int
    status: str = "Running"
    output: Any = None
    custom: Any = None
    queue: list[Command] = attrs.Factory(list[Command])
    hand: Command | None = None
    wakes: float | None = None
    number: int = 0
    is_cancelled: bool = False
    children: list[str] = attrs.Factory(list[str])

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


@attrs.define
class Model(Boxes):
    """All that a client can find."""

    can: frozenset[str] = EVERYTHING
    clerks: dict[str, Clerk] = attrs.Factory(dict[str, Clerk])

    def is_plain(self, instance: str) -> bool:
        """Whether it can be cancelled now with an outcome that a model can tell."""
        clerk = self.clerks.get(instance)
        suspended = clerk is not None and clerk.status == "Suspended"
        return clerk is None or not (suspended and (clerk.queue or clerk.wakes is not None))

    # ---- what clerks do -------------------------------------------------------------------

    def _go_on(self, instance: str, clerk: Clerk) -> None:
        """Do commands until one has to wait, or ends it."""
        while clerk.status == "Running" and clerk.wakes is None and clerk.queue:
            clerk.hand = clerk.queue.pop(0)
            clerk.number += 1
            self._work(instance, clerk, clerk.hand)

    def _gained(self, clerk: Clerk, amount: int) -> None:
        clerk.total += amount
        clerk.custom, clerk.hand = clerk.total, None

    def _work(  # noqa: C901 - a table
        self, instance: str, clerk: Clerk, command: Command
    ) -> None:
        match command:
            case ["add", amount]:
                self._gained(clerk, amount)
            case ["stop"]:
                self._end(clerk, "Completed", clerk.total)
            case ["raise"]:
                self._end(clerk, "Failed", None)
            case ["again"]:
                clerk.input, clerk.number, clerk.custom = clerk.total, 0, clerk.total
                clerk.children = []
            case ["work", amount]:
                self._risk(clerk, amount)
            case ["child", amount]:
                self._child(instance, clerk, amount)
            case ["sleep", seconds]:
                self._sleep(instance, clerk, seconds)
            case ["call", key, amount]:
                self._gained(clerk, self._do(key, "add", [amount]))
            case ["signal", key, amount]:
                self._do(key, "add", [amount])
                self._gained(clerk, 0)
            case ["move", source, target, amount]:
                if amount % 2 == 0:
                    self._do(source, "add", [-amount])
                    self._do(target, "add", [amount])
                self._gained(clerk, 0)
            case _:
                raise AssertionError(command)

    def _end(self, clerk: Clerk, status: str, output: Any) -> None:
        clerk.status, clerk.output, clerk.wakes = status, output, None

    def _risk(self, clerk: Clerk, amount: int) -> None:
        if weather.is_bad:
            self._end(clerk, "Failed", None)
        else:
            self._gained(clerk, 2 * amount)

    def _child(self, instance: str, clerk: Clerk, amount: int) -> None:
        name = f"{instance}.{clerk.number}"
        child = Clerk("helper", amount, 0)
        self.clerks[name] = child
        clerk.children.append(name)
        if weather.is_bad:
            self._end(child, "Failed", None)
        else:
            self._end(child, "Completed", 2 * amount)
        self._risk(clerk, amount)

    def _sleep(self, instance: str, clerk: Clerk, seconds: float) -> None:
        clerk.wakes = self.now + seconds

        def wake() -> None:
            if self.clerks.get(instance) is clerk and clerk.wakes == self.now:
                self._woken(instance, clerk)

        self._at(clerk.wakes, wake)

    def _woken(self, instance: str, clerk: Clerk) -> None:
        if clerk.status == "Running":
            clerk.wakes = None
            self._gained(clerk, 1)
            self._go_on(instance, clerk)

    # ---- orchestrations -------------------------------------------------------------------

    def _living(self, instance: str) -> Clerk:
        clerk = self.clerks.get(instance)
        if clerk is None:
            raise Refused(errors.InstanceNotFoundError)
        if clerk.is_finished:
            raise Refused(errors.InstanceFinishedError)
        return clerk

    def start(
        self,
        instance: str,
        total: int,
        *,
        request_id: str | None = None,
        delay: float | None = None,
    ) -> None:
        def do() -> None:
            old = self.clerks.get(instance)
            if old is not None and not old.is_finished:
                raise Refused(errors.InstanceAlreadyExistsError)
            self._begin(instance, total, delay)

        self._once(request_id, (instance, total, delay), do)

    def _begin(self, instance: str, total: int, delay: float | None = None) -> Clerk:
        clerk = Clerk("clerk", total, total)
        self.clerks[instance] = clerk

        def run() -> None:
            if self.clerks.get(instance) is clerk and clerk.status == "Pending":
                clerk.status, clerk.custom = "Running", total
                self._go_on(instance, clerk)

        clerk.status = "Pending"
        if delay:
            self._at(self.now + delay, run)
        else:
            run()
        return clerk

    def start_or_get(self, instance: str, total: int, *, replace_finished: bool) -> None:
        old = self.clerks.get(instance)
        if old is None or (old.is_finished and replace_finished):
            self._begin(instance, total)

    def signal_with_start(self, instance: str, command: Command, total: int) -> None:
        self.start_or_get(instance, total, replace_finished=True)
        self.raise_event(instance, command)

    def raise_event(
        self, instance: str, command: Command, request_id: str | None = None
    ) -> None:
        def do() -> None:
            clerk = self._living(instance)
            clerk.queue.append(command)
            self._go_on(instance, clerk)

        self._once(request_id, (instance, command), do)

    def tell(self, instance: str, what: str) -> None:  # noqa: C901 - a table
        match what:
            case "cancel":
                clerk = self.clerks.get(instance)
                if clerk is not None and clerk.status == "Suspended":
                    clerk.is_cancelled = True  # it takes note of that when it goes on
                else:
                    self._stop(instance, "Canceled", None)
            case "suspend":
                if (clerk := self._living(instance)).status == "Pending":
                    raise Refused(errors.WrongStatusError)
                clerk.status = "Suspended"
            case "resume":
                if (clerk := self._living(instance)).status == "Suspended":
                    clerk.status = "Running"
                    if clerk.is_cancelled:
                        self._end(clerk, "Canceled", None)
                    if clerk.wakes is not None and clerk.wakes <= self.now:
                        self._woken(instance, clerk)
                    self._go_on(instance, clerk)
            case "rewind":
                self._rewind(instance)
            case "purge":
                self._purge(instance)
            case _:
                raise AssertionError(what)

    def _stop(self, instance: str, status: str, output: Any) -> None:
        clerk = self.clerks.get(instance)
        if clerk is None or clerk.status != status:
            self._end(self._living(instance), status, output)

    def terminate(self, instance: str, output: str) -> None:
        self._stop(instance, "Terminated", output)

    def _rewind(self, instance: str) -> None:
        clerk = self.clerks.get(instance)
        if clerk is None:
            raise Refused(errors.InstanceNotFoundError)
        if clerk.status != "Failed":
            raise Refused(errors.WrongStatusError)
        clerk.status = "Running"
        hand = clerk.hand
        if hand is not None:
            self._work(instance, clerk, hand)
        self._go_on(instance, clerk)

    def _purge(self, instance: str) -> None:
        clerk = self.clerks.get(instance)
        if clerk is None:
            raise Refused(errors.InstanceNotFoundError)
        if not clerk.is_finished:
            raise Refused(errors.WrongStatusError)
        del self.clerks[instance]
        for name in clerk.children:
            if (child := self.clerks.get(name)) and child.is_finished:
                del self.clerks[name]

    def restart(self, instance: str) -> None:
        clerk = self.clerks.get(instance)
        if clerk is None:
            raise Refused(errors.InstanceNotFoundError)
        if not clerk.is_finished:
            raise Refused(errors.InstanceAlreadyExistsError)
        self._begin(instance, clerk.input)

    # ---- reading --------------------------------------------------------------------------

    def status(self, instance: str) -> Status | None:
        clerk = self.clerks.get(instance)
        if clerk is None:
            return None
        return Status(
            instance, clerk.name, clerk.status, clerk.input, clerk.output, clerk.custom
        )

    def result(self, instance: str) -> Any:
        clerk = self.clerks.get(instance)
        if clerk is None:
            raise Refused(errors.InstanceNotFoundError)
        if clerk.status == "Completed":
            return clerk.output
        raise Refused(
            errors.OrchestrationFailedError if clerk.is_finished else errors.ReplyTimeoutError
        )

    def query(self, statuses: list[str] | None, prefix: str, page: int) -> list[Status]:
        del page
        names = sorted((n for n in self.clerks if n.startswith(prefix)), key=str.encode)
        found = [status for name in names if (status := self.status(name))]
        return [one for one in found if statuses is None or one.status in statuses]

    def count(self, prefix: str) -> dict[str, int]:
        counts: dict[str, int] = {}
        for one in self.query(None, prefix, 0):
            counts[one.status] = counts.get(one.status, 0) + 1
        return counts

    def purge_all(self, statuses: list[str]) -> bool:
        deleted = False
        for one in self.query(statuses, "", 0):
            clerk = self.clerks.get(one.instance_id)
            if clerk is not None and clerk.is_finished:
                self._purge(one.instance_id)
                deleted = True
        return deleted
