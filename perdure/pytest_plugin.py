"""The pytest plugin: fixtures for an app in simulated time or on disk, and its marker.

Every pytest run in an environment with perdure in it loads this module, so it loads nothing of
the engine until a fixture is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from perdure import App, Client
    from perdure.testing import Histories, Simulation

MARK = "perdure"
WORLD = "perdure_world"
SEED = "perdure_seed"
_DEFAULTS: dict[str, Any] = {"crash_everywhere": False, "seeds": 1}


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--perdure-update`` rewrites the histories that are compared."""
    parser.getgroup("perdure").addoption(
        "--perdure-update",
        action="store_true",
        help="write the histories that assert_history compares, instead of comparing them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known to ``--strict-markers`` and ``--markers``."""
    config.addinivalue_line(
        "markers",
        "perdure(seeds=1, crash_everywhere=False): run a test that uses perdure_world once for "
        "each of so many seeds, and with a crash at each commit.",
    )


# ---- the marker --------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed."""
    marked = _marked(metafunc.definition)
    if marked["seeds"] > 1 and SEED in metafunc.fixturenames:
        seeds = range(marked["seeds"])
        metafunc.parametrize(SEED, seeds, ids=[f"seed{seed}" for seed in seeds])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marker that would do nothing is a mistake."""
    if any(mark.name == MARK for mark in item.own_markers):
        _marked(item)
        if WORLD not in getattr(item, "fixturenames", ()):
            _refuse(f"@pytest.mark.{MARK} does nothing here: the test does not use {WORLD}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test under ``crash_everywhere`` is the scenario, and runs once for each crash."""
    if WORLD not in pyfuncitem.fixturenames or not _marked(pyfuncitem)["crash_everywhere"]:
        return None
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        _refuse("crash_everywhere takes a plain function: what blocks in it lets time pass")
    from perdure.testing import crash_everywhere

    names = inspect.signature(pyfuncitem.obj).parameters
    given = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    run = pyfuncitem.funcargs[WORLD]
    if not isinstance(run, _LaterWorld):
        _refuse(f"crash_everywhere makes each {WORLD}; do not override that fixture")

    def scenario(world: Simulation) -> None:
        pyfuncitem.obj(**given | ({WORLD: world} if WORLD in given else {}))

    crash_everywhere(run.app, scenario, first_seed=run.seed)
    return True


def _marked(node: pytest.Item) -> dict[str, Any]:
    """What the markers of a test ask for; a nearer one goes before a farther one."""
    asked: dict[str, Any] = dict(_DEFAULTS)
    for mark in reversed(list(node.iter_markers(MARK))):
        if mark.args or not mark.kwargs.keys() <= _DEFAULTS.keys():
            _refuse(
                f"@pytest.mark.{MARK}{mark.args or ''} {mark.kwargs or ''}: it takes "
                "seeds=, crash_everywhere=, and nothing else"
            )
        asked |= mark.kwargs
    seeds, crashes = asked["seeds"], asked["crash_everywhere"]
    if not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1:
        _refuse(f"@pytest.mark.{MARK}(seeds={seeds!r}): use a number from 1 on")
    if not isinstance(crashes, bool):
        _refuse(f"@pytest.mark.{MARK}(crash_everywhere={crashes!r}): use True or False")
    return asked


def _refuse(why: str) -> NoReturn:
    pytest.fail(why, pytrace=False)


class _LaterWorld:
    """Stands for the world in fixtures of a test that runs in many worlds."""

    def __init__(self, app: App, seed: int) -> None:
        self.app = app
        self.seed = seed

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(
            f"a fixture asks for {WORLD}.{name}, and under crash_everywhere each run of the "
            "test has a world of its own: do in the test what the fixture does"
        )


# ---- the fixtures ------------------------------------------------------------------------


@pytest.fixture
def perdure_app() -> App:
    """The app under test. Define this fixture in your ``conftest.py``, and return it."""
    _refuse("which app is tested? Define a fixture perdure_app in conftest.py that returns it")


@pytest.fixture
def perdure_seed() -> int:
    """In which order things happen that happen at once; ``seeds=`` of the marker sets it."""
    return 0


@pytest.fixture
def perdure_world(
    request: pytest.FixtureRequest, perdure_app: App, perdure_seed: int
) -> Iterator[Simulation]:
    """The app in simulated time, over a store in memory; closed behind the test."""
    if _marked(request.node)["crash_everywhere"]:
        yield _LaterWorld(perdure_app, perdure_seed)  # type: ignore[misc]
        return
    from perdure.testing import simulate

    with simulate(perdure_app, seed=perdure_seed) as world:
        yield world


@pytest.fixture
def perdure_path(tmp_path: Path) -> Path:
    """Where the store of ``perdure_client`` is: a file of this test's own."""
    return tmp_path / "perdure.db"


@pytest.fixture
def perdure_client(perdure_app: App, perdure_path: Path) -> Iterator[Client]:
    """The app over a store on disk, in real time and with threads, as in production."""
    with perdure_app.open(perdure_path, durability="process") as client:
        yield client


@pytest.fixture
def assert_history(request: pytest.FixtureRequest, perdure_app: App) -> Histories:
    """Compares an orchestration's history with a file in ``histories`` beside the test."""
    from perdure.testing import Histories

    return Histories(
        perdure_app,
        request.path.parent / "histories",
        update=bool(request.config.getoption("perdure_update")),
    )
