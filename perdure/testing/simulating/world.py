"""A simulated world with trouble: the real engine, clients that ask again, and seeded faults.

Everything that happens follows from the seed. Faults come while there is trouble; then they
stop, and within a minute all that was acknowledged has happened, or waits for good reason.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from perdure.actors.simulated import SimulatedRuntime
from perdure.errors import PerdureError
from perdure.orchestration.app import App
from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.simulation import Simulation
from perdure.storage.ports import Store
from perdure.testing.crashing import SimulatedCrash
from perdure.testing.simulating.asks import PAUSE_MICROS, Ask, prepared
from perdure.testing.simulating.disks import Disk, InMemory, InSqlite
from perdure.testing.simulating.faults import Swarm
from perdure.testing.simulating.keeping import Tightened, check_bounds
from perdure.testing.simulating.resting import check_rest, redrive
from perdure.testing.simulating.runtime import TroubledRuntime
from perdure.testing.simulating.store import TroubledStore

STEPS = 1_000
"""How many things happen in a run's trouble, unless it is told otherwise."""
CALM_SECONDS = 60
"""Within so much virtual time everything that was acknowledged has to be done."""
_LOOK = timedelta(seconds=1)
_CRASHES = 40
"""More in a row than what is set aside after three can cause."""
_IDLE = 1_000
"""Looks at a world in which nothing happens, until it is left."""


class World(Simulation):
    """One run of a scenario: a :class:`Simulation` in which things fail.

    Attributes:
        client: of the present process; another one after each crash. What it is asked is not
            sent again: use :meth:`ask`.
        seed: what everything follows from.
        random: for what the scenario draws.
        asks: all requests so far.
        release: gives the app that the next process runs; set it to redeploy.
        redriven: how many messages had to be sent again by hand when the trouble was over.
    """

    def __init__(
        self,
        app: App,
        seed: int = 0,
        *,
        steps: int = STEPS,
        only: Iterable[str] | None = None,
    ) -> None:
        self.seed = seed
        self.swarm = Swarm(seed, only)
        self.random = random.Random(f"{seed} scenario")
        self.asks: list[Ask] = []
        self.release: Callable[[], App] = lambda: app
        self.redriven = 0
        self._under_way: list[Ask] = []
        self._repeats: list[tuple[EmbeddedClient, Any]] = []
        self._releases = {app}
        self._wanted = steps
        self._violation = ""
        self._store: Store
        self._tightened = Tightened(self.swarm)
        self._file: Disk = InSqlite() if self.swarm.has("sqlite") else InMemory()
        self._app: App
        super().__init__(app, seed=seed)

    @property
    def app(self) -> App:
        """What the present process runs."""
        return self._app

    # ---- the process ----------------------------------------------------------------------

    def _open_store(self) -> Store:
        while self.swarm.happens("crash-opening"):
            self.trace.append("crash opening")
            self._file.die_opening(self.swarm.of("crash-opening"))
        self._store = self._file.open()
        return TroubledStore.over(
            self._store, self.swarm, self.trace, lambda: self._clock.micros
        )

    def _runtime_over(self, store: Store) -> SimulatedRuntime:
        seed = self._seed + store.opening.incarnation
        runtime = TroubledRuntime(store, self.swarm, seed=seed, clock=self._clock)
        if self.swarm.calm:
            runtime.calm_down()
        self._runtime = runtime
        return runtime

    def crash(self, *, downtime: timedelta | None = None) -> None:
        """End the process without a word, and start another one, perhaps of another release."""
        self._store.close(clean=False)
        if self.swarm.happens("clock-back"):
            self._clock.micros -= self.swarm.of("clock-back").randint(1, 2_000_000)
        self._app = self.release()
        self._releases.add(self._app)
        super().crash(downtime=downtime)
        for ask in self._under_way:
            ask.crashed()

    def restart(self) -> None:
        """Shut the process down in order, and start another one; faults come meanwhile too."""
        self.trace.append("restart")
        try:
            self.client.close()
        except SimulatedCrash:
            self.trace.append("crash in shutdown")
        self.crash()

    # ---- clients --------------------------------------------------------------------------

    @property
    def under_way(self) -> int:
        """How many requests have no outcome yet."""
        return len(self._under_way)

    def ask(
        self, send: Callable[[EmbeddedClient], object], *, name: str = "", repeats: bool = True
    ) -> Ask:
        """Have a client send one request, and send it again until it has an outcome.

        Args:
            send: sends it, as ``lambda client: client.entity(Cart, "a").signal(Cart.add)``.
                Nothing waits in it; what is sent gets an id that repeats may have.
            name: tells of it in failures.
            repeats: false for a client that gives up when an outcome is lost.
        """
        request_id = f"ask-{len(self.asks)}"
        ask = prepared(self, send, request_id, name, repeats)
        ask.began = self.steps
        self.asks.append(ask)
        self._under_way.append(ask)
        ask.send()
        if repeats and self.swarm.happens("repeats"):
            twin = prepared(self, send, request_id, f"{name} again", repeats)
            twin.send()
            self._repeats.append((self.client, twin))
        return ask

    def remembers(self, request_id: str) -> bool:
        """Whether the store knows the outcome of a request."""
        now = self._clock.micros
        return request_id in self._store.outcomes([request_id], now)

    def broken(self, promise: str) -> None:
        """Fail the run with the first promise that was broken, soon."""
        self._violation = self._violation or promise

    def happens(self, fault: str, most: float = 1.0) -> bool:
        """Whether a fault of the scenario's own happens now.

        Args:
            fault: names it, among the others.
            most: how likely it is at most; a seed draws less, or that there is none of it.
        """
        return self.swarm.happens(fault, most)

    # ---- trouble --------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """How many things have happened."""
        return len(self.trace)

    def trouble(self, steps: int | None = None) -> Iterator[int]:
        """Let *steps* things happen, and faults among them; between them it is your turn.

        It ends early when there is nothing to do for long.

        Args:
            steps: the run's own number unless given.
        """
        idle = 0
        end = self.steps + (self._wanted if steps is None else steps)
        while self.steps < end and idle < _IDLE:
            before = self.steps
            yield before
            self._happen()
            idle = 0 if self.steps > before else idle + 1

    def _happen(self) -> None:
        swarm = self.swarm
        try:
            if swarm.happens("crash"):
                self.crash()
            if swarm.happens("restart"):
                self.restart()
            if swarm.happens("clock-forward"):
                self._clock.micros += swarm.of("clock-forward").randint(1, 3_000_000)
            if not (self.runtime.step() or self.runtime.pass_time()):
                self._clock.micros += PAUSE_MICROS  # until clients send again
            self._look()
        except SimulatedCrash:
            self.crash()

    def _look(self) -> None:
        for ask in self._under_way:
            ask.look()
        if any(ask.outcome for ask in self._under_way):
            self._under_way = [ask for ask in self._under_way if not ask.outcome]
        self._repeats = [
            (c, a) for c, a in self._repeats if c is self.client and not a.answered
        ]
        check_bounds(self.client.node.partition)
        assert not self._violation, self._violation

    # ---- calm -----------------------------------------------------------------------------

    def calm(self) -> None:
        """Let the trouble end, and check what must be true then.

        Raises:
            AssertionError: something that was acknowledged is lost, or waits for no reason;
                a history is not well formed, or its code decides otherwise; a lock is left.
        """
        if not self.swarm.calm:
            self._note_circumstances()
            self.swarm.calm = True
            self._runtime.calm_down()
            if self._runtime.hanging or self._app is not self.release():
                self.crash()
            self.advance(seconds=10)
        self.redriven += redrive(self.client)
        self.advance(seconds=CALM_SECONDS)
        self.check()

    def _note_circumstances(self) -> None:
        for name in ("lost-baton", "passivation", "short-turns"):
            self.swarm.has(name)

    def advance(self, duration: timedelta | None = None, **parts: float) -> None:
        """Let time pass; a process that ends meanwhile is started again."""
        until = self.now + (duration or timedelta()) + timedelta(**parts)
        crashes = 0
        while self.now < until:
            try:
                super().advance(min(until - self.now, _LOOK))
                self._look()
            except SimulatedCrash:
                self.crash()
                crashes += 1
                if crashes == _CRASHES:
                    msg = f"the process ended {crashes} times: what ends it was not set aside"
                    raise AssertionError(msg) from None

    def check(self) -> None:
        """All is done or waits for good reason; :meth:`calm` does this too.

        Raises:
            AssertionError: it does not.
        """
        late = [ask.name for ask in self._under_way]
        assert not late, f"never answered: {late}"
        hanging = [ask.name for client, ask in self._repeats if client is self.client]
        assert not hanging, f"repeats that were never answered: {hanging}"
        assert not self._violation, self._violation
        check_rest(self.client, one_release=len(self._releases) == 1)

    def end(self) -> None:
        """Put away what the world has on this machine."""
        self._tightened.loosen()
        self.runtime.stop(0)
        try:
            self._store.close(clean=False)
        except PerdureError:
            pass
        finally:
            self._file.remove()
