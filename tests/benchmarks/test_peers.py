"""The launcher's lines, the loops, and systems that lose, die or are not there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from perdure.benchmarks.bench import Bench
from perdure.benchmarks.contests.contest import Contest
from perdure.benchmarks.contests.tasks import Task, balances, counted, summed
from perdure.benchmarks.peers import catalog, launch, loads
from perdure.benchmarks.peers.catalog import InstallError, Peer, install, peers_named
from perdure.benchmarks.peers.contestant import Contestant, PeerError
from perdure.benchmarks.peers.launch import Launched
from perdure.benchmarks.rows import Workload
from perdure.benchmarks.workloads import TASKS, WORKLOADS
from perdure.errors import InvalidInputError

FAKE = Path(__file__).with_name("with_fake.py")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Contestant]:
    with Contestant(Peer(name="fake"), tmp_path / "fake", driver=FAKE) as contestant:
        yield contestant


def test_a_driver_tells_what_it_is_and_what_it_can(fake: Contestant) -> None:
    fake.start()

    assert fake.about["name"] == "fake"
    assert fake.lacks("call total") == []
    assert fake.lacks("call fan_out") == ["fan_out"]


def test_a_closed_load_counts_what_is_there_afterwards(fake: Contestant) -> None:
    done = fake.ask("closed", what="call", in_flight=4, seconds=0.05, keys=3)

    assert done["count"] == done["found"] > 0
    assert done["p50"] <= done["p99"] <= done["max"]


def test_an_open_load_does_all_that_is_due(fake: Contestant) -> None:
    done = fake.ask("open", what="call", rate=500, seconds=0.2, keys=2)

    assert done["count"] == len(loads.arrivals(500, 0.2)) == done["found"]


def test_a_restart_finds_what_was_there(fake: Contestant) -> None:
    fake.ask("fill", count=20, keys=4)
    fake.restart()

    assert fake.ask("read", keys=["c0", "c3", "c9"])["found"] == [5, 5, 0]


def test_a_renewed_system_has_forgotten_everything(fake: Contestant) -> None:
    fake.ask("fill", count=4, keys=1)
    fake.renew()

    assert fake.ask("read", keys=["c0"])["found"] == [0]


def test_an_unknown_request_is_answered_with_an_error_and_the_next_one_is_served(
    fake: Contestant,
) -> None:
    with pytest.raises(PeerError, match="no request is called nothing"):
        fake.ask("nothing")

    assert fake.ask("read", keys=["c0"])["found"] == [0]


def test_a_system_that_was_killed_starts_again(fake: Contestant) -> None:
    fake.start()
    assert fake.resident_kib() > 1_000
    fake.kill()

    assert fake.ask("read", keys=[]) is not None


def test_a_driver_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with (
        Contestant(Peer(name="none"), tmp_path / "n", driver=tmp_path / "none.py") as none,
        pytest.raises(PeerError, match="FileNotFoundError"),
    ):
        none.start()


def task(name: str, needs: str, what: str) -> Task:
    if what == "sequence":
        return Task(name=name, title=name, needs=needs, measure=summed(what, each=4))
    return Task(name=name, title=name, needs=needs, measure=counted(what, keys=3))


def contest_of(fake: Contestant, *tasks: Task) -> Contest:
    work = Workload(name="W1", title="", does="", checks="", tasks=tasks)
    return Contest([work], [fake])


def test_what_a_peer_lost_does_not_count_and_is_reported(fake: Contestant) -> None:
    contest = contest_of(fake, task("signals", "signal", "signal"))
    contest.round(contest.workloads[0], 0, Bench(fake.folder, 0.01), lambda _: None)

    assert contest.outcomes[("signals", "fake")] == [None]
    assert "counters" in contest.missed[0].reason
    assert list(contest.figures()) == []


def test_what_a_peer_cannot_do_is_reported(fake: Contestant) -> None:
    contest = contest_of(fake, task("fan-out", "fan_out", "sequence"))
    contest.round(contest.workloads[0], 0, Bench(fake.folder, 0.01), lambda _: None)

    assert [missed.reason for missed in contest.missed] == ["has no fan_out"]


def test_a_figure_is_made_pair_by_pair(fake: Contestant, tmp_path: Path) -> None:
    with Contestant(Peer(name="perdure"), tmp_path / "ours", driver=FAKE) as ours:
        contest = contest_of(fake, task("seq", "sequence", "sequence"))
        contest.contestants.insert(0, ours)
        for number in range(2):
            contest.round(contest.workloads[0], number, Bench(tmp_path, 0.01), lambda _: None)

        (figure,) = contest.figures()

    assert figure.name == "seq/fake"
    assert len(figure.turns) == 2
    assert {entrant.peer for entrant in contest.entrants()} == {"perdure", "fake"}


def test_a_system_that_cannot_be_installed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(peer: Peer) -> None:
        raise InstallError(peer.name)

    monkeypatch.setattr("perdure.benchmarks.contests.contest.install", refused)
    contest = Contest([])
    with ExitStack() as stack:
        contest.enter([Peer(name="gone")], Bench(tmp_path), stack, lambda _: None)

    assert [(missed.peer, missed.reason) for missed in contest.missed] == [("gone", "gone")]


def test_an_installed_system_is_not_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_CACHE", str(tmp_path))
    peer = Peer(name="some", requires=("some==1",))
    stamp = tmp_path / "peers" / "some" / ".perdure-ready"
    stamp.parent.mkdir(parents=True)
    stamp.write_text("some==1", "utf-8")

    install(peer)

    assert catalog.python_of(peer) == tmp_path / "peers" / "some" / "bin" / "python"


def test_systems_are_named_and_perdure_is_always_there() -> None:
    assert [peer.name for peer in peers_named(["restate"])] == ["perdure", "restate"]
    assert len(peers_named(["all"])) == len(catalog.PEERS)
    with pytest.raises(InvalidInputError, match="no peer nothing; there are: absurd, "):
        peers_named(["nothing"])


def test_every_system_has_a_driver() -> None:
    assert [peer.name for peer in catalog.PEERS if not peer.driver.exists()] == []


def test_an_asyncio_load_does_its_work_at_once() -> None:
    async def work(number: int) -> int:
        await asyncio.sleep(0)
        return number

    tally = asyncio.run(loads.closed_async(work, 8, 0.01))

    assert tally.total == sum(range(tally.count))


def test_an_open_asyncio_load_does_all_that_is_due() -> None:
    async def work(number: int) -> int:
        return 1 + 0 * number

    tally = asyncio.run(loads.open_load_async(work, 200, 0.1))

    assert tally.total == tally.count == len(loads.arrivals(200, 0.1))


def test_balances_follow_the_pairs_again_and_again() -> None:
    assert balances([["a", "b"], ["b", "c"]], 3) == {"a": -2, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "workload", [w for w in WORKLOADS if w.tasks], ids=lambda workload: workload.name
)
@pytest.mark.timeout(120)
def test_perdure_does_each_task_of_a_workload_right(workload: Workload, tmp_path: Path) -> None:
    with Contestant(Peer(name="perdure"), tmp_path / "ours") as ours:
        contest = Contest([workload], [ours])
        contest.round(workload, 0, Bench(tmp_path, 0.002), lambda _: None)

    assert contest.missed == []
    assert {figure.name for figure in contest.figures()} >= {t.name for t in workload.tasks}
    assert len(list(contest.curves())) == sum(len(t.axes) for t in workload.tasks)


def test_names_of_tasks_are_unique() -> None:
    assert len({task.name for task in TASKS}) == len(TASKS)


def test_a_system_of_coroutines_is_filled_completely(tmp_path: Path) -> None:
    driver = tmp_path / "with_async.py"
    text = FAKE.read_text("utf-8").replace('"threads"', '"asyncio"')
    for name in ("start", "stop", "call", "signal", "settle", "total", "sequence"):
        text = text.replace(f"    def {name}(", f"    async def {name}(")
    driver.write_text(text.replace("self.call(key)\n", "await self.call(key)\n"), "utf-8")

    with Contestant(Peer(name="async"), tmp_path / "a", driver=driver) as contestant:
        contestant.ask("fill", count=10, keys=3)

        assert contestant.ask("read", keys=["c0", "c1", "c2"])["found"] == [4, 3, 3]


def test_a_first_result_is_right_again_after_a_restart(fake: Contestant) -> None:
    for _ in range(2):
        done = fake.ask("closed", what="call", in_flight=1, seconds=0.0)
        assert done["found"] == done["count"] == 1
        fake.restart()


class Slow:
    """A system of ten additions per second."""

    shape = "threads"
    most_keys = 2

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def call(self, key: str) -> int:
        time.sleep(0.1)
        self.values[key] = self.values.get(key, 0) + 1
        return self.values[key]

    def total(self, key: str) -> int:
        return self.values.get(key, 0)


def test_a_filling_that_would_take_minutes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LOOK_SECONDS", 0.0)

    with pytest.raises(TimeoutError, match="100,000 additions, 8 in flight, would take"):
        Launched(Slow()).fill(100_000, 10)


def test_a_system_with_few_counters_uses_them_again_and_is_counted_right() -> None:
    launched = Launched(Slow())
    for _ in range(2):
        done = launched.closed("call", in_flight=1, seconds=0.25, keys=100)

        assert done["found"] == done["count"] > 0

    assert sorted(launched.system.values) == ["n0", "n1"]


def test_portions_of_a_filling_go_on_from_one_another(fake: Contestant) -> None:
    fake.ask("fill", count=4, keys=8)
    fake.ask("fill", count=4, keys=8, first=4)

    assert fake.ask("read", keys=[f"c{number}" for number in range(8)])["found"] == [1] * 8
