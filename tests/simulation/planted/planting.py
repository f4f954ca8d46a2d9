"""All planted mistakes, the scenario that shall find each, and how soon it does."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from multiprocessing.connection import Connection

import attrs
import pytest

from perdure.testing import Scenario
from perdure.testing.simulating.runs import end_with_the_parent, run_seed
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
    engine.mailboxes_have_no_limit,
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
    engine.mailboxes_have_no_limit,
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
"""For how long the table looks at one mistake: some make a run very long."""


@attrs.frozen
class Found:
    """How a planted mistake was found, so far.

    Attributes:
        name: of the mistake.
        scenario: which one looked for it.
        seeds: how many were run.
        failed: how many of these found it.
        first: after how many seeds it was found first; 0 while it was not.
    """

    name: str
    scenario: str
    seeds: int = 0
    failed: int = 0
    first: int = 0

    def with_seed(self, *, failed: bool) -> Found:
        """After one more."""
        seeds = self.seeds + 1
        first = self.first or (seeds if failed else 0)
        return attrs.evolve(self, seeds=seeds, failed=self.failed + failed, first=first)


def looking(plant: Plant, scenario: Scenario) -> Iterator[Found]:
    """Plant a mistake, and tell after each seed what was found."""
    found = Found(getattr(plant, "__name__", ""), scenario.target.partition(":")[2])
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        while True:
            found = found.with_seed(failed=bool(run_seed(scenario, found.seeds).error))
            yield found


def is_found(plant: Plant, scenario: Scenario, *, within: int) -> bool:
    """Whether so many seeds find a planted mistake."""
    for found in looking(plant, scenario):
        if found.first or found.seeds >= within:
            return bool(found.first)
    raise AssertionError


def look_for_all(seeds: int, processes: int) -> Iterator[Found]:
    """What so many seeds, or those that run in a while, find of each mistake."""
    plants = [*IN_ENTITIES, *IN_ORCHESTRATIONS]
    targets = [ledgers.target] * len(IN_ENTITIES) + [journeys.target] * len(IN_ORCHESTRATIONS)
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(_look, plants, targets, repeat(seeds))


def _look(plant: Plant, target: str, seeds: int) -> Found:
    """Look in a process of its own, which is ended when its time is over."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, plant, target), daemon=True)
    process.start()
    found: Found = ours.recv()
    until = time.monotonic() + SECONDS
    while not found.first or (
        found.seeds < seeds and ours.poll(max(0.0, until - time.monotonic()))
    ):
        found = ours.recv()
    process.kill()
    process.join()
    return found


def _tell(connection: Connection, plant: Plant, target: str) -> None:
    end_with_the_parent()
    for found in looking(plant, load_scenario(target)):
        connection.send(found)
