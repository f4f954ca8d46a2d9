"""All planted mistakes, the scenario that shall find each, and how soon it does."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import attrs
import pytest

from perdure.testing import Scenario
from perdure.testing.simulating.runs import run_seed
from perdure.testing.simulating.scenarios import load_scenario
from tests.simulation.ledgers import ledgers
from tests.simulation.orchestrated import journeys
from tests.simulation.planted import disk, engine, orchestrations

Plant = Callable[[pytest.MonkeyPatch], None]

IN_ENTITIES: list[Plant] = [
    engine.no_memory_of_requests,
    engine.acknowledged_before_the_commit,
    engine.consumed_messages_stay,
    engine.accepted_messages_are_not_stored,
    engine.timers_are_not_stored,
    engine.cells_outlive_a_failed_commit,
    engine.running_code_is_not_waited_for,
    engine.passivated_before_it_is_durable,
    engine.due_messages_are_found_twice,
    engine.effects_of_a_turn_are_forgotten,
    engine.a_written_failure_is_taken_as_lost,
    disk.timers_come_early,
    disk.snapshots_are_one_version_off,
    disk.the_outbox_is_removed_first,
    disk.expected_versions_are_not_checked,
]
IN_ORCHESTRATIONS: list[Plant] = [
    orchestrations.events_are_lost_between_generations,
    orchestrations.a_generation_forgets_what_comes_with_it,
    orchestrations.locks_outlive_a_termination,
    orchestrations.a_late_lock_is_kept,
    orchestrations.answers_of_old_generations_are_taken,
    orchestrations.a_second_answer_is_taken,
    orchestrations.a_replay_is_not_compared,
    orchestrations.timers_are_not_sent,
    engine.timers_are_not_stored,
    orchestrations.timers_outlive_the_end,
    orchestrations.transactions_are_never_undone,
    orchestrations.a_termination_does_not_undo,
    orchestrations.an_answer_is_lost_when_a_commit_fails,
    orchestrations.an_attempt_that_has_ended_runs_again,
    orchestrations.a_parent_is_not_told,
    orchestrations.suspended_ones_forget,
    orchestrations.rows_are_written_while_code_runs,
    disk.work_begins_before_the_commit,
    disk.an_attempt_is_written_with_its_answer_only,
]


SECONDS = 12.0
"""For how long the table looks at one mistake."""


@attrs.frozen
class Found:
    """How a planted mistake was found.

    Attributes:
        name: of the mistake.
        scenario: which one looked for it.
        seeds: how many were run in any case.
        failed: how many of these found it.
        first: after how many seeds it was found first; 0 when it never was.
        error: what was seen first.
    """

    name: str
    scenario: str
    seeds: int
    failed: int
    first: int
    error: str


def look_for(
    plant: Plant,
    scenario: Scenario,
    *,
    at_least: int = 1,
    at_most: int = 150,
    seconds: float = 0.0,
) -> Found:
    """Plant a mistake, and run the scenario until it is found.

    Args:
        plant: what puts it in.
        scenario: which shall find it.
        at_least: so many seeds are run, while there is time: the share that fails is of these.
        at_most: it is given up after so many.
        seconds: for how long; some mistakes make a run very long. 0 is without end.
    """
    failed, first, error, seed = 0, 0, "", 0
    until = time.monotonic() + (seconds or 1e9)
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        while (seed < at_least and time.monotonic() < until) or (not first and seed < at_most):
            run = run_seed(scenario, seed)
            seed += 1
            if run.error:
                failed += 1
                first, error = first or seed, error or run.error
    name = getattr(plant, "__name__", "")
    return Found(name, scenario.target.partition(":")[2], seed, failed, first, error)


def look_for_all(at_least: int, processes: int = 2) -> Iterator[Found]:
    """Each planted mistake under the same seeds, one after the other."""
    pairs = [(plant, ledgers.target) for plant in IN_ENTITIES]
    pairs += [(plant, journeys.target) for plant in IN_ORCHESTRATIONS]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        looking = [pool.submit(_look, *pair, at_least) for pair in pairs]
        for future in looking:
            yield future.result()


def _look(plant: Plant, target: str, at_least: int) -> Found:
    return look_for(plant, load_scenario(target), at_least=at_least, seconds=SECONDS)
