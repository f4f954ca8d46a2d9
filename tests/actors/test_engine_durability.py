"""What survives: the engine over SQLite, restarted, killed, with classes that come and go."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

import perdure
from perdure.actors import limits
from tests.actors.engine import Counter, app, gates
from tests.actors.hastening import hasten

ROOT = Path(__file__).resolve().parents[2]


def run_killed(code: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a process that ends by itself, without closing its store."""
    script = f"PATH = {path!r}\n" + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "shop.db")


def test_what_was_acknowledged_survives_a_kill(path: str) -> None:
    died = run_killed(
        """
        import os, signal
        from tests.actors.engine import Counter, app
        client = app.open(PATH)
        for _ in range(10):
            client.entity(Counter, "a").signal(Counter.add, 1)
        print("acknowledged", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
    )
    assert "acknowledged" in died.stdout, died.stderr

    with app.open(path) as client:
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 10
        assert not list(client.verify())


def test_a_request_is_remembered_across_a_kill(path: str) -> None:
    died = run_killed(
        """
        import os, signal
        from tests.actors.engine import Counter, app
        client = app.open(PATH)
        ref = client.entity(Counter, "a").options(request_id="r1")
        print(ref.call(Counter.add, 1).get(timeout=5), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        path,
    )
    assert died.stdout.strip() == "1", died.stderr

    with app.open(path) as client:
        ref = client.entity(Counter, "a").options(request_id="r1")
        assert ref.call(Counter.add, 1).get(timeout=5) == 1
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 1


def test_an_operation_that_kills_the_process_is_set_aside_and_others_go_on(path: str) -> None:
    seed = """
        from datetime import timedelta
        from tests.actors.engine import Counter, app
        with app.open(PATH) as client:
            for key in ("a", "killer", "z"):
                ref = client.entity(Counter, key).options(at=timedelta(hours=1))
                ref.signal(Counter.die if key == "killer" else Counter.add, *
                           ([] if key == "killer" else [1]))
        """
    run = """
        import time
        from tests.actors.engine import Counter, app
        client = app.open(PATH)
        for _ in range(5000):
            if client.status()["quarantined"]:
                break
            time.sleep(0.001)
        client.close()
        print("lived")
        """
    run_killed(seed, path)
    hasten(path)
    codes: list[int] = []
    for _ in range(8):
        ended = run_killed(run, path)
        codes.append(ended.returncode)
        if "lived" in ended.stdout:
            break

    assert codes[-1] == 0
    assert 1 <= codes.count(9) <= 5
    with app.open(path) as client:
        [row] = client.quarantine()
        assert row.stream == "@counter@killer"
        assert f"at {row.attempts} crashes" in row.reason
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 1
        assert client.entity(Counter, "z").call(Counter.read).get(timeout=5) == 1


def test_who_blocks_after_a_crash_holds_up_the_others_for_a_moment_only(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_killed(
        """
        import os
        from datetime import timedelta
        from tests.actors.engine import Counter, app
        client = app.open(PATH)
        for key in ("slow", "a", "b", "c", "d", "e"):
            ref = client.entity(Counter, key).options(at=timedelta(seconds=0.2))
            ref.signal(Counter.add_when_open if key == "slow" else Counter.add, 1)
        os._exit(1)
        """,
        path,
    )
    time.sleep(0.3)  # all are due, and run together
    monkeypatch.setattr(limits, "SUSPECT_SECONDS", 0.2)
    gates["slow"] = threading.Event()

    with app.open(path) as client:
        try:
            for key in "abcde":
                assert client.entity(Counter, key).call(Counter.read).get(timeout=10) == 1
        finally:
            gates["slow"].set()


def test_scheduled_signals_wait_through_a_restart(path: str) -> None:
    with app.open(path) as client:
        ref = client.entity(Counter, "a").options(at=timedelta(seconds=3))
        ref.signal(Counter.add, 1)
        assert client.entity(Counter, "a").get() is None

    with app.open(path) as client:
        watch = client.entity(Counter, "a").watch()
        seen = next(snapshot for snapshot in watch if snapshot is not None)
        watch.close()

    assert seen.state.value == 1


def test_messages_for_a_class_that_is_gone_are_set_aside_and_can_be_driven_again(
    path: str,
) -> None:
    with app.open(path) as client:
        client.entity(Counter, "a").options(at=timedelta(hours=1)).signal(Counter.add, 7)
    hasten(path)
    empty = perdure.App()

    @empty.entity
    class Other(perdure.Entity):
        value: int = 0

        def touch(self) -> None:
            self.value += 1

    with empty.open(path) as client:
        while not (rows := list(client.quarantine())):
            client.entity(Other, "x").call(Other.touch).get(timeout=5)
    assert "counter" in rows[0].reason

    with app.open(path) as client:
        assert client.redrive(rows[0].id)
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 7
        assert not list(client.quarantine())
        assert not client.redrive(rows[0].id)


def test_the_history_can_be_read_and_the_past_be_rebuilt(path: str) -> None:
    with app.open(path) as client:
        ref = client.entity(Counter, "a")
        for amount in (1, 2, 3):
            ref.call(Counter.add, amount).get(timeout=5)
    with app.open(path) as client:
        ref = client.entity(Counter, "a")
        history = list(ref.history())
        states = [ref.as_of(version) for version in (0, 1, 2, 3)]
        at_second = ref.as_of(history[1].time)

    assert [event.version for event in history] == [1, 2, 3]
    assert [event.operation for event in history] == ["add"] * 3
    assert states[0] is None
    assert [state.value for state in states[1:] if state] == [1, 3, 6]
    assert at_second is not None
    assert at_second.value in (3, 6)  # two may share a microsecond


def test_the_future_cannot_be_read(path: str) -> None:
    with app.open(path) as client:
        client.entity(Counter, "a").signal(Counter.add, 1)
        with pytest.raises(perdure.InvalidInputError, match="yet to come"):
            client.entity(Counter, "a").as_of(5)


def test_a_purged_history_begins_at_its_base(path: str) -> None:
    with app.open(path) as client:
        ref = client.entity(Counter, "a")
        for _ in range(10):
            ref.call(Counter.add, 1).get(timeout=5)

        assert client.purge_history(ref.id, up_to_version=6) == 6

        assert [event.version for event in ref.history()] == [7, 8, 9, 10]
        state = ref.as_of(6)
        assert state is not None
        assert state.value == 6
        with pytest.raises(perdure.InvalidInputError, match="purged"):
            ref.as_of(5)
        assert not list(client.verify())
        assert ref.call(Counter.add, 1).get(timeout=5) == 11


def test_changes_are_followed_from_a_position_across_a_restart(path: str) -> None:
    with app.open(path) as client:
        for key in ("a", "b", "a"):
            client.entity(Counter, key).call(Counter.add, 1).get(timeout=5)
        first = list(client.changes(follow=False))
    with app.open(path) as client:
        client.entity(Counter, "c").signal(Counter.add, 1)
        rest = list(client.changes(first[1].position, follow=False))

    assert [str(change.id) for change in first] == ["@counter@a", "@counter@b", "@counter@a"]
    assert [str(change.id) for change in rest] == ["@counter@a", "@counter@c"]


def test_changes_to_come_are_waited_for(path: str) -> None:
    with app.open(path) as client:
        changes = client.changes()
        client.entity(Counter, "a").signal(Counter.add, 1)
        assert str(next(changes).id) == "@counter@a"
        client.entity(Counter, "b").signal(Counter.add, 1)
        assert str(next(changes).id) == "@counter@b"


def test_entities_are_listed_page_by_page(path: str) -> None:
    with app.open(path) as client:
        for number in range(5):
            client.entity(Counter, f"k{number}").signal(Counter.add, number + 1)
        first = client.entities(Counter, limit=3)
        second = client.entities(Counter, limit=3, after=first.next or "")

    assert [snapshot.id.key for snapshot in first.items] == ["k0", "k1", "k2"]
    assert [snapshot.state.value for snapshot in second.items] == [4, 5]
    assert second.next is None


def test_a_deleted_entity_leaves_no_state_and_its_versions_go_on(path: str) -> None:
    with app.open(path) as client:
        ref = client.entity(Counter, "a")
        ref.signal(Counter.add, 1)
        ref.signal("delete")
        assert ref.get() is None
        assert client.entities().items == []
    with app.open(path) as client:
        ref = client.entity(Counter, "a")
        assert ref.call(Counter.add, 5).get(timeout=5) == 5
        assert [event.version for event in ref.history()] == [1, 2, 3]
        assert not list(client.verify())


def test_a_second_process_is_refused_by_pid(path: str) -> None:
    with app.open(path):
        ended = run_killed(
            """
            from tests.actors.engine import app
            app.open(PATH)
            """,
            path,
        )

    assert "StoreOwnedError" in ended.stderr
    assert str(os.getpid()) in ended.stderr


def test_a_forked_child_is_refused(path: str) -> None:
    code = """
        import os
        import perdure
        from tests.actors.engine import Counter, app
        client = app.open(PATH)
        client.entity(Counter, "a").signal(Counter.add, 1)
        child = os.fork()
        if child == 0:
            try:
                client.entity(Counter, "a").call(Counter.add, 1)
            except perdure.ForkedError as error:
                os._exit(7)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status))
        print(client.entity(Counter, "a").call(Counter.add, 1).get(timeout=5))
        client.close()
        """
    ended = run_killed(code, path)

    assert ended.stdout.split() == ["7", "2"], ended.stderr


def test_a_backup_is_a_whole_store(path: str, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    with app.open(path) as client:
        for _ in range(5):
            client.entity(Counter, "a").signal(Counter.add, 1)
        client.backup(copy)
        client.entity(Counter, "a").signal(Counter.add, 1)

    with app.open(copy) as client:
        assert client.entity(Counter, "a").call(Counter.read).get(timeout=5) == 5
        assert not list(client.verify())
