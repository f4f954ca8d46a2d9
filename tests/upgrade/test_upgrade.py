"""What released versions left under way is opened, finished and verified by today's code."""

from __future__ import annotations

import lzma
from datetime import timedelta
from pathlib import Path

import pytest

import perdure
from perdure.actors.simulated import START_MICROS
from perdure.testing import assert_replays
from tests.upgrade.departure import Sea, write
from tests.upgrade.voyage import HOUR, Ship, Shop, app, buoy, sails

STORES = sorted((Path(__file__).parent / "stores").glob("*.db.xz"))
LEFT_AT = START_MICROS + 3_600_000_000
"""An hour after the voyage began: a good while after it was left."""


@pytest.fixture(params=[*STORES, None], ids=lambda path: path.stem if path else "today")
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A store of each version, and one of today."""
    kept: Path | None = request.param
    if kept is None:
        kept = tmp_path / "today.db.xz"
        write(kept)
    target = tmp_path / "voyage.db"
    target.write_bytes(lzma.decompress(kept.read_bytes()))
    return target


@pytest.fixture
def sea(path: Path) -> Sea:
    return Sea(path, LEFT_AT)


def finish(sea: Sea) -> None:
    """Say the words that are waited for, and let two days pass."""
    client = sea.client
    client.orchestration("suspended").resume()
    client.orchestration("failed").rewind()
    for instance in ("event", "children.0", "children.1", "locking", "holding", "anew", "sent"):
        client.orchestration(instance).raise_event("Word", 5)
    sea.advance(2 * HOUR)
    for row in list(client.quarantine()):
        assert client.redrive(row.id)
    sea.advance(timedelta(days=2))


def outputs(client: perdure.Client) -> dict[str, object]:
    return {
        name: client.orchestration(name).result(0)
        for name in (
            *("children", "completed", "event", "failed", "holding", "locking", "pending"),
            *("retry", "sent", "slow", "suspended", "timer", "vain"),
        )
    }


def test_there_is_a_store_of_a_version() -> None:
    assert STORES


def test_what_was_left_is_found_as_it_was(sea: Sea) -> None:
    client = sea.client
    one = client.entity(Ship, "one")

    assert list(client.verify()) == []
    assert [row.stream for row in client.quarantine()] == ["@ship@poisoned"]
    state = one.get()
    assert state is not None
    assert (state.state.load, state.state.names) == (25, ["ü\U0001f600"])
    assert one.as_of(state.version - 2) == Ship(load=15, names=["ü\U0001f600"])
    assert [event.version for event in one.history(6)] == [7, 8]
    assert client.entity(Ship, "gone").get() is None
    assert client.entity(buoy, "one").get().state == 5  # type: ignore[union-attr]
    locked = client.entity(Ship, "locked").get()
    held = client.entity(Ship, "held").get()
    assert locked is not None
    assert (locked.locked_by, locked.state.load, held) == ("locking", 1, None)
    statuses = {item.instance_id: item.runtime_status for item in client.query().items}
    assert statuses["suspended"] == "Suspended"
    assert statuses["failed"] == "Failed"
    assert statuses["terminated"] == "Terminated"
    assert client.count()["Running"] == 12
    assert {schedule.id: schedule.is_paused for schedule in client.schedules()} == {
        "hourly": False,
        "nightly": False,
        "paused": True,
    }


def test_a_request_of_then_is_not_done_again(sea: Sea) -> None:
    again = sea.client.entity(Ship, "one").options(request_id="named")

    assert again.call(Ship.add, 10).get() == 25
    with pytest.raises(perdure.RequestMismatchError):
        again.call(Ship.add, 11).get()
    sea.client.start("waits_for_timer", 2, instance_id="timer", tags={"a": "b"}, request_id="t")


def test_all_that_was_under_way_comes_to_its_end(sea: Sea) -> None:
    client = sea.client
    finish(sea)

    assert outputs(client) == {
        "children": 11,
        "completed": 100,
        "event": 6,
        "failed": 400,
        "holding": 10,
        "locking": 6,
        "pending": "after 1",
        "retry": 300,
        "sent": 15,
        "slow": 1,
        "suspended": 9,
        "timer": "after 2",
        "vain": "nobody came",
    }
    assert len(client.orchestration("anew").result(0)) == 36
    loads = {
        item.id.key: (item.state.load, item.state.names, item.state.ends, item.locked_by)
        for item in client.entities(Ship).items
    }
    assert loads == {
        "held": (1005, [], [], None),
        "locked": (101, [], [], None),
        "one": (1025, ["ü\U0001f600"], [], None),
        "poisoned": (0, ["drunk"], [], None),
        "sender": (0, [], ["sent Completed 15"], None),
    }
    shops = {item.id.key: item.state.pieces for item in client.entities(Shop).items}
    assert shops == {"held": 2, "one": 7}
    assert list(client.verify()) == []
    assert list(client.quarantine()) == []


def test_schedules_of_then_go_on(sea: Sea) -> None:
    finish(sea)
    client = sea.client

    runs = client.query(name=sails.__name__, prefix="hourly").items
    assert len(runs) >= 50
    assert {run.runtime_status for run in runs} == {"Completed"}
    assert client.schedule("nightly").describe().started == 2
    assert client.schedule("paused").describe().started == 0
    client.schedule("paused").resume("spring")
    sea.advance(2 * HOUR)
    assert client.schedule("paused").describe().started == 2


def test_every_history_of_then_replays(path: Path) -> None:
    sea = Sea(path, LEFT_AT)  # brings the file up to date
    sea.client.close()
    before = assert_replays(app, path)
    sea.enter()
    finish(sea)
    sea.client.close()

    assert before == 16
    assert assert_replays(app, path) > 60
