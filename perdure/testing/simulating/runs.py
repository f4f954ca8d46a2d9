"""A scenario under many seeds: what failed, how to see it again, and the least of it."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import shlex
import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from threading import Thread

import attrs

from perdure.errors import InvalidInputError
from perdure.testing.crashing import SimulatedCrash
from perdure.testing.simulating.scenarios import Scenario, load_scenario
from perdure.testing.simulating.world import STEPS, World

BLOCK = 25
"""Seeds that one process runs before it tells of them."""


@attrs.frozen
class Run:
    """One run of a scenario.

    Attributes:
        seed: what it followed from.
        steps: how many things happened.
        faults: how often each fault did.
        digest: of all that happened, in order: the same seed gives the same.
        error: what was wrong; empty when nothing was.
        trace: where that was found.
    """

    seed: int
    steps: int
    faults: dict[str, int]
    digest: str
    error: str = ""
    trace: str = ""


def run_seed(
    scenario: Scenario, seed: int, *, steps: int = STEPS, only: Iterable[str] | None = None
) -> Run:
    """Run *scenario* once.

    Args:
        scenario: what is done.
        seed: what everything follows from.
        steps: how many things happen in its trouble.
        only: the faults that may happen; all unless given.
    """
    error = trace = ""
    world: World | None = None
    with _silence():
        try:
            world = World(scenario.app, seed, steps=steps, only=only)
            scenario.function(world)
            world.calm()
        except (Exception, SimulatedCrash) as raised:
            error = f"{type(raised).__name__}: {raised}".strip()
            trace = traceback.format_exc()
        finally:
            if world is not None:
                world.end()
    happened = [] if world is None else world.trace
    faults = {} if world is None else dict(sorted(world.swarm.happened.items()))
    digest = hashlib.sha256("\n".join(happened).encode()).hexdigest()[:16]
    return Run(seed, len(happened), faults, digest, error, trace)


@contextmanager
def _silence() -> Generator[None, None, None]:
    """What the engine says of its troubles is no news here."""
    logger = logging.getLogger("perdure")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def shrink(scenario: Scenario, failed: Run, *, steps: int = STEPS) -> Run:
    """Leave out one fault after the other, as long as the run fails: the least that does."""
    least = failed
    needed = sorted(failed.faults)
    again = run_seed(scenario, failed.seed, steps=steps, only=needed)
    if not again.error:
        return failed
    left = needed
    for name in needed:
        without = [other for other in left if other != name]
        run = run_seed(scenario, failed.seed, steps=steps, only=without)
        if run.error:
            left, least = [other for other in without if other in run.faults], run
    return attrs.evolve(least, faults={name: least.faults.get(name, 0) for name in left})


def command_of(
    target: str, run: Run, *, steps: int = STEPS, only: Sequence[str] | None = None
) -> str:
    """The line that runs one seed again."""
    words = ["perdure", "simulate", target, "--first-seed", str(run.seed), "--seeds", "1"]
    if steps != STEPS:
        words += ["--steps", str(steps)]
    if only is not None:
        words += ["--faults", ",".join(only) or "none"]
    return shlex.join(words)


def run_seeds(
    target: str,
    seeds: range,
    *,
    steps: int = STEPS,
    only: Sequence[str] | None = None,
    processes: int = 1,
    told: Callable[[Run], None],
) -> None:
    """Run the scenario that *target* names once for each of *seeds*; *told* hears of each."""
    blocks = [seeds[start : start + BLOCK] for start in range(0, len(seeds), BLOCK)]
    if processes == 1 or len(blocks) == 1:
        scenario = load_scenario(target)
        for seed in seeds:
            told(run_seed(scenario, seed, steps=steps, only=only))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=end_with_the_parent
    ) as pool:
        waiting = [pool.submit(_run_block, target, block, steps, only) for block in blocks]
        try:
            for block in as_completed(waiting):
                for run in block.result():
                    told(run)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def end_with_the_parent() -> None:
    """Have this process end when the one that started it does, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, name="parent", daemon=True).start()


def _run_block(target: str, seeds: range, steps: int, only: Sequence[str] | None) -> list[Run]:
    scenario = load_scenario(target)
    return [run_seed(scenario, seed, steps=steps, only=only) for seed in seeds]


def assert_survives(
    scenario: Scenario, *, seeds: int = 50, first_seed: int = 0, steps: int = STEPS
) -> int:
    """Fail unless *scenario* holds under each seed, with the faults that the seed draws.

    Args:
        scenario: what is done and checked; ``@scenario(app)`` makes it.
        seeds: how many.
        first_seed: names the first of them.
        steps: how many things happen in the trouble of each.

    Returns:
        How many things happened in all.

    Raises:
        AssertionError: what was wrong, with the line that shows it again and the least set of
            faults that does.
        InvalidInputError: there are no seeds.
    """
    if seeds < 1:
        msg = f"seeds={seeds}: there is nothing to run; use 1 or more"
        raise InvalidInputError(msg)
    happened = 0
    for seed in range(first_seed, first_seed + seeds):
        run = run_seed(scenario, seed, steps=steps)
        happened += run.steps
        if run.error:
            least = shrink(scenario, run, steps=steps)
            line = command_of(scenario.target, run, steps=steps, only=sorted(least.faults))
            msg = f"seed {seed}: {least.error}\n{line}\n{least.trace}"
            raise AssertionError(msg)
    return happened
