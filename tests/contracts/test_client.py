"""What every client promises about orchestrations and schedules, embedded or remote."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import perdure
from tests.contracts.clients import (
    Counter,
    OutOfStockError,
    app,
    cancelled_in,
    finishing,
    ordering,
    taking,
    waiting,
)

SOON = 20.0
HOUR = timedelta(hours=1)


def begun(client: perdure.Client, orchestrator: Any, *args: Any, **options: Any) -> Any:
    """One that waits for what it is told."""
    ref = client.start(orchestrator, *args, **options)
    ref.wait_for_start(SOON)
    return ref


def status(client: perdure.Client, instance_id: str) -> str:
    state = client.orchestration(instance_id).status()
    assert state is not None
    return state.runtime_status


def ids(page: perdure.OrchestrationPage) -> list[str]:
    return [item.instance_id for item in page.items]


# ---- starting and waiting ----------------------------------------------------------------


def test_a_start_gives_a_reference_with_its_result(client: perdure.Client) -> None:
    assert client.start(ordering, 21).result(SOON) == 42
    assert client.start("ORDERING", 4).result(SOON) == 8
    assert client.start(taking, 2, instance_id="t").result(SOON) == 2
    assert client.orchestration("t").result(0) == 2


def test_a_reference_that_knows_its_orchestrator_has_a_typed_result(
    client: perdure.Client,
) -> None:
    client.start(finishing, 5, instance_id="f").result(SOON)

    assert client.orchestration("f", finishing).result(0) == timedelta(minutes=5)
    assert client.orchestration("f").result(0) == "PT300S"


@pytest.mark.parametrize("instance_id", ["a", "x" * 256, "naïve ✓", "a:b", ".."])
def test_an_id_may_be_any_text_within_the_rules(
    client: perdure.Client, instance_id: str
) -> None:
    client.start(ordering, 1, instance_id=instance_id).result(SOON)

    assert status(client, instance_id) == "Completed"


def test_a_result_can_be_awaited(client: perdure.Client) -> None:
    async def wait() -> list[int]:
        async def one(number: int) -> int:
            return await client.start(ordering, number)

        return await asyncio.gather(*map(one, range(20)))

    assert asyncio.run(wait()) == [2 * number for number in range(20)]


def test_a_start_with_a_request_id_is_done_once(client: perdure.Client) -> None:
    first = client.start(ordering, 1, request_id="r-1")
    again = client.start(ordering, 1, request_id="r-1")

    assert first.id == again.id
    assert client.count() == {"Completed": 1} if first.result(SOON) else False


def test_one_that_lives_is_in_the_way_of_another(client: perdure.Client) -> None:
    begun(client, waiting, 1, instance_id="w")

    with pytest.raises(perdure.InstanceAlreadyExistsError, match="'w'"):
        client.start(waiting, 2, instance_id="w")
    ref = client.start_or_get(waiting, 2, instance_id="w")
    ref.raise_event("go", 5)
    assert ref.result(SOON) == 6


def test_start_or_get_replaces_a_finished_one_unless_told_not_to(
    client: perdure.Client,
) -> None:
    client.start(ordering, 1, instance_id="w").result(SOON)

    assert (
        client.start_or_get(ordering, 3, instance_id="w", replace_finished=False).result(SOON)
        == 2
    )
    assert client.start_or_get(ordering, 3, instance_id="w").result(SOON) == 6


def test_signal_with_start_starts_it_and_raises(client: perdure.Client) -> None:
    ref = client.signal_with_start(waiting, "go", 5, instance_id="w", input=1)

    assert ref.result(SOON) == 6


def test_a_start_may_be_for_a_time_to_come(client: perdure.Client) -> None:
    ref = client.start(waiting, 1, start_at=HOUR)

    assert status(client, ref.id) == "Pending"
    with pytest.raises(perdure.ReplyTimeoutError):
        ref.wait_for_start(0)
    with pytest.raises(perdure.WrongStatusError, match="Pending"):
        ref.suspend()
    ref.terminate()
    assert status(client, ref.id) == "Terminated"


def test_those_who_wait_for_one_are_all_told(client: perdure.Client) -> None:
    ref = begun(client, waiting, 1, instance_id="w")
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(client.orchestration("w").result(SOON)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        with pytest.raises(perdure.ReplyTimeoutError):
            ref.result(0.01)
    ref.raise_event("go", 1)
    for thread in threads:
        thread.join()

    assert results == [2] * 10
    assert ref.result(SOON) == 2


def test_what_is_not_there_is_told(client: perdure.Client) -> None:
    nobody = client.orchestration("nobody")

    assert nobody.status() is None
    for ask in (
        lambda: nobody.result(SOON),
        lambda: nobody.wait_for_start(SOON),
        nobody.history,
        nobody.export_history,
        nobody.restart,
        nobody.terminate,
        nobody.purge,
        lambda: nobody.raise_event("go"),
        lambda: client.why("nobody"),
    ):
        with pytest.raises(perdure.InstanceNotFoundError):
            ask()


def test_what_does_not_fit_is_refused(client: perdure.Client) -> None:
    wrong: Any = "three"

    with pytest.raises(perdure.InvalidInputError):
        client.start(ordering, wrong)
    with pytest.raises(perdure.InvalidInputError):
        client.start("ordering", wrong)
    with pytest.raises(perdure.UnknownOrchestratorError, match="nobody"):
        client.start("nobody", 1)
    with pytest.raises(perdure.InvalidIdError):
        client.start(ordering, 1, instance_id="x" * 257)
    with pytest.raises(perdure.InvalidIdError):
        client.orchestration("")
    with pytest.raises(perdure.InvalidInputError, match="Done"):
        client.query(statuses=["Done"])
    with pytest.raises(perdure.InvalidInputError):
        client.query(limit=1001)
    with pytest.raises(perdure.InvalidInputError):
        client.purge_orchestrations(timeout=-1)
    assert client.count() == {}


# ---- what can be asked of one ------------------------------------------------------------


def test_one_that_failed_tells_why(client: perdure.Client) -> None:
    ref = client.start(taking, 9)
    with pytest.raises(perdure.OrchestrationFailedError, match="9 are too many") as caught:
        ref.result(SOON)

    error = caught.value
    assert (error.instance_id, error.status) == (ref.id, "Failed")
    assert error.details is not None
    assert error.details.is_caused_by(OutOfStockError)
    state = ref.status()
    assert state is not None
    assert state.failure_details == error.details


def test_a_suspended_one_keeps_what_comes(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5, instance_id="w")
    ref.suspend("lunch")
    ref.raise_event("GO", 1)
    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.reason) == ("Suspended", "lunch")
    ref.resume("back")

    assert ref.result(SOON) == 6


def test_one_is_terminated_with_an_output(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5)
    ref.terminate({"why": "enough"})
    ref.terminate("again")

    state = ref.status()
    assert state is not None
    assert (state.runtime_status, state.output) == ("Terminated", {"why": "enough"})
    with pytest.raises(perdure.OrchestrationFailedError, match="Terminated"):
        ref.result(SOON)


def test_one_is_cancelled_and_ends_in_its_own_way(client: perdure.Client) -> None:
    ref = begun(client, cancelled_in)
    ref.cancel("no need")

    assert ref.result(SOON) == "compensated: no need"


@pytest.mark.parametrize("ask", ["terminate", "cancel", "suspend", "resume"])
def test_nothing_reaches_a_completed_one(client: perdure.Client, ask: str) -> None:
    ref = client.start(ordering, 1)
    ref.result(SOON)

    with pytest.raises(perdure.InstanceFinishedError):
        getattr(ref, ask)()


def test_one_that_has_failed_is_rewound(client: perdure.Client) -> None:
    ref = client.start(taking, 9)
    with pytest.raises(perdure.OrchestrationFailedError):
        ref.result(SOON)
    ref.rewind("try again")

    with pytest.raises(perdure.OrchestrationFailedError):
        ref.result(SOON)
    assert "ExecutionRewound" in [event.event_type for event in ref.history()]
    done = client.start(ordering, 1)
    done.result(SOON)
    with pytest.raises(perdure.WrongStatusError):
        done.rewind()


def test_a_restart_begins_again_with_input_and_tags(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5, instance_id="w", tags={"a": "b"})
    with pytest.raises(perdure.InstanceAlreadyExistsError):
        ref.restart()
    other = ref.restart(new_instance_id="w2")
    for one in (ref, other):
        one.raise_event("go", 1)
        assert one.result(SOON) == 6
    again = ref.restart()
    again.raise_event("go", 2)

    assert (again.id, again.result(SOON)) == ("w", 7)
    state = again.status()
    assert state is not None
    assert state.tags == {"a": "b"}


def test_an_event_with_a_request_id_is_raised_once(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5)
    ref.suspend()
    for _ in range(3):
        ref.raise_event("go", 1, request_id="r-1")
    ref.resume()
    ref.result(SOON)

    assert [e.event_type for e in ref.history()].count("EventRaised") == 1


def test_the_history_is_read_and_exported(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5)
    ref.raise_event("go", 2)
    ref.result(SOON)

    events = list(ref.history())
    assert [event.event_type for event in events] == [
        "ExecutionStarted",
        "EventRaised",
        "ExecutionCompleted",
    ]
    exported = json.loads(ref.export_history())
    assert exported["name"] == "waiting"
    assert len(exported["events"]) == 3
    assert ref.activities() == []


def test_a_finished_one_is_forgotten(client: perdure.Client) -> None:
    ref = begun(client, waiting, 5)
    with pytest.raises(perdure.WrongStatusError):
        ref.purge()
    ref.raise_event("go", 1)
    ref.result(SOON)
    ref.purge()

    assert ref.status() is None


# ---- those that there are ----------------------------------------------------------------


@pytest.fixture
def crowd(client: perdure.Client) -> perdure.Client:
    for number in range(5):
        tags = {"even": str(number % 2 == 0), "number": str(number)}
        begun(client, waiting, number, instance_id=f"a{number}", tags=tags)
    client.start(ordering, 1, instance_id="b").result(SOON)
    return client


def test_a_query_filters(crowd: perdure.Client) -> None:
    query = crowd.query
    made = {item.instance_id: item.created_at for item in query().items}

    assert ids(query(statuses=["Completed", "Failed"])) == ["b"]
    assert ids(query(prefix="a")) == ["a0", "a1", "a2", "a3", "a4"]
    assert ids(query(name="ORDERING")) == ["b"]
    assert ids(query(tags={"even": "True"})) == ["a0", "a2", "a4"]
    assert ids(query(custom_status="number 3")) == ["a3"]
    assert ids(query(parent="a0")) == []
    assert ids(query(created_from=made["a1"], created_to=made["a3"])) == ["a1", "a2", "a3"]
    assert [one.output for one in query(prefix="b").items] == [2]
    assert [one.output for one in query(prefix="b", fetch_output=False).items] == [None]
    assert [one.input for one in query(prefix="a4", fetch_input=True).items] == [4]


def test_pages_follow_each_other(crowd: perdure.Client) -> None:
    found: list[list[str]] = []
    token: str | None = ""
    while token is not None:
        page = crowd.query(prefix="a", after=token, limit=2)
        found.append(ids(page))
        token = page.next

    assert found == [["a0", "a1"], ["a2", "a3"], ["a4"]]


def test_counts_and_purges_are_by_status(crowd: perdure.Client) -> None:
    assert crowd.count() == {"Running": 5, "Completed": 1}
    assert crowd.count(prefix="a") == {"Running": 5}
    assert crowd.count(name="ordering") == {"Completed": 1}
    assert crowd.purge_orchestrations(timeout=0) == perdure.PurgeResult(0, False)
    assert crowd.purge_orchestrations(statuses=["Failed"]).deleted == 0
    assert crowd.purge_orchestrations(timeout=SOON) == perdure.PurgeResult(1, True)
    assert crowd.count() == {"Running": 5}


def test_the_status_tells_all_of_it(crowd: perdure.Client) -> None:
    state = crowd.orchestration("a2").status(fetch_input=True)

    assert state is not None
    assert (state.name, state.input, state.version) == ("waiting", 2, "1")
    assert state.custom_status == {"stage": "number 2"}
    assert dict(state.tags) == {"even": "True", "number": "2"}
    assert state.created_at <= state.last_updated_at <= datetime.now(UTC)
    assert not state.is_finished


def test_why_tells_what_is_waited_for(crowd: perdure.Client) -> None:
    (reason,) = crowd.why("a0")

    assert reason.kind == "event"
    assert "'go'" in reason.text


# ---- schedules ---------------------------------------------------------------------------


def test_a_schedule_is_made_changed_and_asked(client: perdure.Client) -> None:
    ref = client.schedule("s", ordering, 4, every=HOUR, tags={"a": "b"})
    state = ref.describe()
    assert (state.orchestrator, state.input, state.every) == ("ordering", 4, HOUR)
    assert (state.is_paused, state.started) == (False, 0)
    ref.pause("not now")
    assert (ref.describe().is_paused, ref.describe().note) == (True, "not now")
    run = ref.trigger()
    assert run is not None
    assert client.orchestration(run).result(SOON) == 8
    ref.update(every=2 * HOUR)
    ref.resume()

    assert [(s.id, s.every) for s in client.schedules("s")] == [("s", 2 * HOUR)]
    ref.delete()
    assert list(client.schedules()) == []
    with pytest.raises(perdure.ScheduleNotFoundError):
        ref.describe()
    with pytest.raises(perdure.ScheduleNotFoundError):
        ref.pause()


def test_a_schedule_of_nothing_is_refused(client: perdure.Client) -> None:
    with pytest.raises(perdure.UnknownOrchestratorError):
        client.schedule("s", "nobody", every=HOUR)
    with pytest.raises(perdure.InvalidInputError):
        client.schedule("s", "ordering", "three", every=HOUR)
    with pytest.raises(perdure.InvalidInputError, match="overlap"):
        client.schedule("s", ordering, 3, every=HOUR, overlap="maybe")
    assert list(client.schedules()) == []


# ---- upkeep ------------------------------------------------------------------------------


def test_nothing_is_wrong_with_a_sound_store(client: perdure.Client) -> None:
    client.entity(Counter, "a").call(Counter.add, 3).get(SOON)

    assert list(client.verify()) == []


def test_a_backup_is_a_store_of_its_own(client: perdure.Client, tmp_path: Path) -> None:
    client.entity(Counter, "a").call(Counter.add, 3).get(SOON)
    path = tmp_path / "copy.db"

    if client.status()["durability"] == "nothing":  # it is in memory: there is no file
        with pytest.raises(perdure.StoreOpenError, match="memory"):
            client.backup(str(path))
        assert not path.exists()
        return
    client.backup(str(path))

    with pytest.raises(perdure.StoreOpenError, match="exists"):
        client.backup(str(path))
    client.entity(Counter, "a").call(Counter.add, 3).get(SOON)
    with app.open(path) as copy:
        assert copy.entity(Counter, "a").call(Counter.peek).get(SOON) == 3
    assert not [
        left for left in tmp_path.iterdir() if left.name.endswith((".sent", ".partial"))
    ]
