"""The process pool: what comes back, and that a process that dies takes nobody with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from tests.orchestration import computing
from tests.orchestration.computing import Box
from tests.orchestration.threaded import Threads, threads, wait_until


@pytest.fixture(scope="module")
def world() -> Iterator[Threads]:
    with threads(computing.app) as world:
        yield world


def details_of(ref: perdure.OrchestrationRef[Any]) -> perdure.FailureDetails:
    with pytest.raises(perdure.OrchestrationFailedError) as caught:
        ref.result(30)
    details = caught.value.details
    assert details is not None
    assert details.inner_failure is not None
    return details.inner_failure


def start(world: Threads, name: str, given: Any = None) -> perdure.OrchestrationRef[Any]:
    return world.client.start(computing.run, (name, given))


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_values_go_to_another_process_and_come_back_as_what_they_are(world: Threads) -> None:
    assert world.client.start(computing.run_turn, Box(1, 2)).result(30) == Box(2, 1)


def test_a_process_is_kept_for_the_next_attempt(world: Threads) -> None:
    first, second = (start(world, "where").result(30) for _ in range(2))

    assert first == second != os.getpid()


def test_an_exception_comes_back_as_data_whatever_its_class_is(world: Threads) -> None:
    details = details_of(start(world, "fail_pickily", 3))

    assert details.is_caused_by(computing.Picky)
    assert (details.message, details.properties) == ("code 3", {"code": 3})
    assert details.is_non_retriable
    assert details.stack_trace is not None
    assert "raise Picky(code=code)" in details.stack_trace


@pytest.mark.parametrize(
    ("name", "given", "kind"),
    [
        ("give_what_has_no_form", None, perdure.EncodingError),
        ("leave", 3, SystemExit),
        ("ask_for_context", None, perdure.NotAllowedHereError),
    ],
)
def test_what_goes_wrong_in_there_is_told_by_its_type(
    world: Threads, name: str, given: Any, kind: type[BaseException]
) -> None:
    pid = start(world, "where").result(30)

    assert details_of(start(world, name, given)).is_caused_by(kind)
    assert start(world, "where").result(30) == pid


@pytest.mark.parametrize(
    ("how", "told"), [("exit", "exit code 7"), ("kill", f"signal {int(signal.SIGKILL)}")]
)
def test_a_process_that_dies_fails_its_attempt_only(
    world: Threads, tmp_path: Path, how: str, told: str
) -> None:
    beside = start(world, "wait_for_file", str(tmp_path / "go"))
    details = details_of(start(world, "die", how))
    assert details.is_caused_by(perdure.ActivityProcessDiedError)
    assert "process of activity die " in details.message
    assert told in details.message

    (tmp_path / "go").touch()
    assert beside.result(30) == start(world, "where").result(30)
    assert not list(world.client.quarantine())


def test_a_policy_tries_again_in_another_process(world: Threads, tmp_path: Path) -> None:
    marker = str(tmp_path / "marker")
    ref = world.client.start(computing.run_again, ("die_once", marker))
    wait_until(Path(marker).exists)
    while ref.status().runtime_status == "Running":  # type: ignore[union-attr]
        world.advance(seconds=1)

    assert ref.result(30) == "done"


def test_one_that_dies_idle_is_not_asked(world: Threads) -> None:
    pid = start(world, "where").result(30)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _has_ended(pid))

    assert start(world, "where").result(30) != pid


def _has_ended(pid: int) -> bool:
    """Also when its parent has not asked for its exit code yet."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    return True


def hanging(world: Threads, name: str, path: Path) -> tuple[perdure.OrchestrationRef[Any], int]:
    ref = start(world, name, str(path))
    wait_until(lambda: path.exists() and path.read_text())
    return ref, int(path.read_text())


def test_one_that_takes_too_long_is_ended(world: Threads, tmp_path: Path) -> None:
    ref, pid = hanging(world, "touch_and_hang_for_a_minute", tmp_path / "pid")
    world.advance(seconds=60)

    assert details_of(ref).is_caused_by(perdure.ActivityTimeoutError)
    wait_until(lambda: not is_running(pid) or _has_ended(pid))


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_one_whose_result_is_not_needed_is_ended(
    world: Threads, tmp_path: Path, how: str
) -> None:
    ref, pid = hanging(world, "touch_and_hang", tmp_path / "pid")
    getattr(ref, how)()

    wait_until(lambda: not is_running(pid) or _has_ended(pid))
    assert start(world, "where").result(30) != pid


def test_all_processes_end_with_the_client(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with threads(computing.app) as world:
        idle = start(world, "where").result(30)
        _, pid = hanging(world, "touch_and_hang", path)
        assert pid == idle
        world.client.close(timeout=0)

    wait_until(lambda: not is_running(pid) or _has_ended(pid))


def test_what_no_other_process_can_import_is_refused() -> None:
    with pytest.raises(perdure.DefinitionError, match="define it at the top of a module"):

        @perdure.App("refusing").activity(pool="process")
        def inside() -> None: ...

    with pytest.raises(perdure.DefinitionError, match="define it at the top of a module"):
        perdure.App("refusing").activity(name="nameless", pool="process")(lambda: None)


def test_a_heartbeat_timeout_is_refused_where_no_heartbeat_can_be_sent() -> None:
    register = perdure.App("refusing").activity(
        pool="process", heartbeat_timeout=timedelta(seconds=1)
    )
    with pytest.raises(perdure.DefinitionError, match="use timeout"):
        register(computing.where)
