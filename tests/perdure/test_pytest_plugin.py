"""The pytest plugin, as its users see it: suites that are run in a folder of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perdure.testing import simulate
from tests.test_docs import ROOT, blocks

pytest_plugins = ("pytester",)
ENGINE = simulate
"""Loaded once, here: pytester forgets the modules that its runs load."""

SHOP = """
    from datetime import timedelta

    import perdure

    app = perdure.App("shop")


    @app.activity
    def charge(amount: int) -> str:
        if amount > 100:
            raise ValueError(amount)
        return f"paid {amount}"


    @app.entity
    class Counter(perdure.Entity):
        value: int = 0

        def add(self, amount: int) -> int:
            self.value += amount
            return self.value


    @app.orchestrator
    async def order(ctx, amount: int) -> str:
        await ctx.create_timer(timedelta(days=3))
        return await ctx.call_activity(charge, amount)
"""
PLUGIN = "perdure.pytest_plugin"
CONFTEST = """
    import pytest
    import shop


    @pytest.fixture
    def perdure_app():
        return shop.app
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an app and a conftest that names it."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # quicker; see the first test
    pytester.makepyfile(shop=SHOP)
    pytester.makeconftest(CONFTEST)
    return pytester


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest_inprocess("-p", PLUGIN, "-p", "no:cacheprovider", *options)


def failing(suite: pytest.Pytester, body: str) -> str:
    suite.makepyfile(body)
    result = run(suite)
    assert result.ret != 0
    return result.stdout.str()


# ---- suites that do not use it -----------------------------------------------------------


def test_the_engine_is_not_loaded_for_suites_that_do_not_use_it(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {*sys.modules}
            assert "perdure.pytest_plugin" in loaded
            assert not {"msgspec", "pykka", "perdure.actors", "perdure.testing"} & loaded
        """
    )

    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_without_an_app_the_fixture_to_write_is_named(suite: pytest.Pytester) -> None:
    suite.makeconftest("")

    said = failing(suite, "def test_it(perdure_world): pass")

    assert "Define a fixture perdure_app in conftest.py" in said


# ---- worlds ------------------------------------------------------------------------------


def test_a_test_runs_in_simulated_time(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import shop

        def test_it(perdure_world):
            began = perdure_world.now
            assert perdure_world.client.start(shop.order, 3).result() == "paid 3"
            assert (perdure_world.now - began).days == 3
        """
    )

    run(suite).assert_outcomes(passed=1)


def test_a_test_has_a_store_on_disk(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import shop

        def test_it(perdure_client, perdure_app, perdure_path):
            counter = perdure_client.entity(shop.Counter, "a")
            assert counter.call(shop.Counter.add, 2).get(timeout=30) == 2
            perdure_client.close()
            with perdure_app.open(perdure_path) as again:
                assert again.entity(shop.Counter, "a").get().state.value == 2

        def test_another_store_is_another_tests(perdure_client):
            assert perdure_client.entity(shop.Counter, "a").get() is None
        """
    )

    run(suite).assert_outcomes(passed=2)


# ---- the marker --------------------------------------------------------------------------


def test_seeds_make_a_test_of_each(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest, shop

        @pytest.mark.perdure(seeds=3)
        class TestIt:
            def test_it(self, perdure_world, perdure_seed):
                assert perdure_world.client.start(shop.order, 3).result() == "paid 3"
                assert perdure_seed != 1

            def test_another(self):
                pass
        """
    )

    result = run(suite, "-v")

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*test_it[[]seed1[]] FAILED*"])


def test_a_test_is_run_with_a_crash_at_each_commit(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest, shop

        worlds = []

        @pytest.mark.perdure(crash_everywhere=True, seeds=2)
        @pytest.mark.parametrize("amount", [3])
        def test_it(perdure_world, amount):
            worlds.append(perdure_world)
            start = perdure_world.client.start_or_get
            ref = start(shop.order, amount, instance_id="o", replace_finished=False)
            assert ref.result() == "paid 3"

        def test_there_were_many():
            assert len(worlds) > len({id(world) for world in worlds}) > 2 * 6
        """
    )

    run(suite).assert_outcomes(passed=3)


@pytest.mark.parametrize("check", ["assert {}", "if not {}: pytest.fail('two')"])
def test_what_a_crash_breaks_fails_and_names_the_crash(
    suite: pytest.Pytester, check: str
) -> None:
    said = failing(
        suite,
        f"""
        import pytest, shop

        @pytest.mark.perdure(crash_everywhere=True)
        def test_it(perdure_world):
            perdure_world.client.start(shop.order, 3)
            {check.format("sum(perdure_world.client.count().values()) == 1")}
        """,
    )

    assert "with a crash after commit 1 (seed 0)" in said


def test_a_fixture_cannot_use_the_world_of_many_runs(suite: pytest.Pytester) -> None:
    said = failing(
        suite,
        """
        import pytest

        @pytest.fixture
        def client(perdure_world):
            return perdure_world.client

        @pytest.mark.perdure(crash_everywhere=True)
        def test_it(client):
            pass
        """,
    )

    assert "a fixture asks for perdure_world.client" in said


def test_a_marker_that_makes_no_sense_is_refused(suite: pytest.Pytester) -> None:
    said = failing(
        suite,
        """
        import pytest

        @pytest.mark.perdure(seeds=0)
        def test_seeds(perdure_world):
            pass
        """,
    )
    assert "use a number from 1 on" in said

    said = failing(
        suite,
        """
        import pytest

        @pytest.mark.perdure(crash_everywhere=1)
        def test_it(perdure_world):
            pass
        """,
    )
    assert "use True or False" in said

    said = failing(
        suite,
        """
        import pytest

        @pytest.mark.perdure(3, crash=True)
        def test_it(perdure_world):
            pass
        """,
    )
    assert "it takes seeds=, crash_everywhere=, and nothing else" in said


def test_a_marker_that_does_nothing_is_refused(suite: pytest.Pytester) -> None:
    said = failing(
        suite,
        """
        import pytest, unittest

        class TestIt(unittest.TestCase):
            @pytest.mark.perdure(seeds=3)
            def test_it(self):
                pass
        """,
    )

    assert "does nothing here: the test does not use perdure_world" in said


def test_a_coroutine_is_no_scenario(suite: pytest.Pytester) -> None:
    said = failing(
        suite,
        """
        import pytest

        @pytest.mark.perdure(crash_everywhere=True)
        async def test_it(perdure_world):
            pass
        """,
    )

    assert "crash_everywhere takes a plain function" in said


# ---- histories ---------------------------------------------------------------------------

HISTORY = """
    import shop

    def test_it(perdure_world, assert_history):
        ref = perdure_world.client.start(shop.order, 300)
        perdure_world.advance(days=4)
        assert_history(ref, "refused")
"""


def kept(suite: pytest.Pytester) -> Path:
    return suite.path / "histories" / "refused.json"


def test_a_history_is_written_and_compared(suite: pytest.Pytester) -> None:
    suite.makepyfile(HISTORY)

    run(suite).assert_outcomes(failed=1)
    assert not kept(suite).exists()
    run(suite, "--perdure-update").assert_outcomes(passed=1)
    run(suite).assert_outcomes(passed=1)

    text = kept(suite).read_text(encoding="utf-8")
    assert str(suite.path) not in text  # nothing of this machine
    assert [event["event"] for event in json.loads(text)["events"]] == [
        "ExecutionStarted",
        "TimerCreated",
        "TimerFired",
        "TaskScheduled",
        "TaskFailed",
        "ExecutionCompleted",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("days=3", "days=2", ["*another history than in*refused.json*", "*+259200.0s*"]),
        ("create_timer(timedelta(days=3))", "call_activity(charge, 1)", ["*would stall*"]),
    ],
)
def test_changed_code_makes_another_history(
    suite: pytest.Pytester, old: str, new: str, said: list[str]
) -> None:
    suite.makepyfile(HISTORY)
    run(suite, "--perdure-update").assert_outcomes(passed=1)

    suite.makepyfile(shop=SHOP.replace(old, new) + " " * 4)  # of another size: no stale .pyc
    result = run(suite)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(said)
    run(suite, "--perdure-update").assert_outcomes(passed=1)
    run(suite).assert_outcomes(passed=1)


def test_ids_and_times_of_one_run_do_not_count(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import shop, pytest

        @shop.app.orchestrator
        async def parent(ctx):
            async with ctx.lock_entities(ctx.entity(shop.Counter, "a")):
                pass
            return await ctx.call_sub_orchestrator(child)

        @shop.app.orchestrator
        async def child(ctx):
            return 1

        @pytest.mark.parametrize("before", [0, 2])
        def test_it(perdure_world, assert_history, before):
            for number in range(before):
                perdure_world.client.start(parent).result()
                perdure_world.advance(seconds=number)
            ref = perdure_world.client.start(parent)
            assert ref.result() == 1
            assert_history(ref, "parent")
            [own] = perdure_world.client.query(parent=ref.id).items
            assert_history(perdure_world.client.orchestration(own.instance_id), "child")
        """
    )

    run(suite, "--perdure-update", "-k", "0").assert_outcomes(passed=1, deselected=1)
    run(suite).assert_outcomes(passed=2)


def test_a_history_has_the_name_of_a_file(suite: pytest.Pytester) -> None:
    said = failing(suite, HISTORY.replace('"refused"', '"../refused"'))

    assert "use the name of a file, without a folder" in said


def test_the_suite_of_the_guide_runs(suite: pytest.Pytester) -> None:
    codes = [code for _, code in blocks(ROOT / "docs" / "how-to" / "testing.md")]
    first = next(n for n, code in enumerate(codes) if "def perdure_app" in code)
    suite.makepyfile(guide="\n\n".join(codes[:first]))
    suite.makeconftest(f"from guide import *\n{codes[first]}")
    suite.makepyfile(f"from guide import *\n{codes[first + 1]}")

    run(suite, "--perdure-update").assert_outcomes(passed=6)
    run(suite).assert_outcomes(passed=6)

    assert (suite.path / "histories" / "order.json").exists()
