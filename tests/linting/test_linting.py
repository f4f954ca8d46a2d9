"""``perdure lint``: wrong programs are found, right ones are not."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from perdure.errors import InvalidInputError
from perdure.linting import check_source, check_targets
from perdure.linting.rules import RULES
from perdure.orchestration.guard import _INSTEAD
from perdure.testing import assert_lint_clean
from tests.cli.conftest import Shell
from tests.test_docs import PAGES, ROOT, blocks, name_of

HEAD = "import perdure\n\napp = perdure.App()\n\n"


def codes(source: str) -> list[str]:
    return [finding.code for finding in check_source(HEAD + dedent(source))]


def orchestrator(body: str, imports: str = "") -> list[str]:
    code = indent(dedent(body), "    ")
    return codes(f"{imports}\n@app.orchestrator\nasync def main(ctx, given):\n{code}\n")


@pytest.mark.parametrize(
    ("imports", "body", "code"),
    [
        ("import time", "return time.time()", "PD101"),
        ("from time import time as now", "return now()", "PD101"),
        ("import datetime as dt", "return dt.datetime.now()", "PD101"),
        ("from datetime import datetime", "return datetime.utcnow()", "PD101"),
        ("import random", "return random.randint(1, 6)", "PD102"),
        ("import uuid as u", "return u.uuid4()", "PD102"),
        ("import os", "return os.urandom(4)", "PD102"),
        ("import secrets", "return secrets.token_hex()", "PD102"),
        ("", "return open('x').read()", "PD103"),
        ("import requests", "return requests.get(given)", "PD103"),
        ("import urllib.request", "return urllib.request.urlopen(given)", "PD103"),
        ("import time", "time.sleep(1)", "PD104"),
        ("import threading", "threading.Thread(target=print).start()", "PD105"),
        ("import asyncio", "await asyncio.to_thread(print)", "PD105"),
        ("import asyncio", "await asyncio.sleep(1)", "PD106"),
        ("from asyncio import gather", "await gather(ctx.create_timer(1))", "PD106"),
        ("import asyncio", "lock = asyncio.Lock()", "PD106"),
        ("seen = []", "seen.append(given)", "PD107"),
        ("n = 0", "global n\nn = 1", "PD107"),
        ("", "ctx.call_activity('a', 1)", "PD108"),
        ("", "x = ctx.entity('counter', 'a')\nx.call('add', 1)", "PD108"),
        ("", "for x in {1, 2}:\n    await ctx.call_activity('a', x)", "PD109"),
        ("", "await ctx.lock_entities(given)", "PD110"),
        ("", "s = set(given)\nt = [ctx.call_activity('a', x) for x in s]", "PD109"),
    ],
)
def test_what_an_orchestrator_must_not_do_is_found(imports: str, body: str, code: str) -> None:
    assert code in orchestrator(body, imports)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("", "return ctx.current_utc_datetime, ctx.random.random(), ctx.new_uuid()"),
        ("import datetime", "await ctx.create_timer(datetime.timedelta(days=1))"),
        ("import random", "return random.Random(given).random()"),
        ("import uuid", "return uuid.uuid5(uuid.NAMESPACE_OID, given)"),
        ("PRICES = {'tea': 3}", "return PRICES[given]"),
        ("import time", "time = given\nreturn time.time()"),
        ("def open(given): return given", "return open(given)"),
        ("", "task = ctx.call_activity('a', 1)\nreturn await task"),
        ("", "ctx.entity('counter', 'a').signal('add', 1)"),
        ("", "for x in sorted({1, 2}):\n    await ctx.call_activity('a', x)"),
        ("", "return sum(x for x in {1, 2})"),
        ("", "async with ctx.lock_entities(given):\n    pass"),
        ("", "with await ctx.lock_entities(given):\n    pass"),
        ("import time", "return time.time()  # noqa: PD101"),
        ("import time", "return time.time()  # noqa"),
    ],
)
def test_what_an_orchestrator_may_do_is_not_found(imports: str, body: str) -> None:
    assert orchestrator(body, imports) == []


def test_a_noqa_for_another_rule_allows_nothing() -> None:
    assert orchestrator("return time.time()  # noqa: PD102, E501", "import time") == ["PD101"]


def test_helpers_of_the_module_are_followed_and_activities_are_not() -> None:
    found = codes(
        """
        import time

        def helper():
            return time.time()

        @app.activity
        def work(given):
            return time.time()

        @app.orchestrator(name="main")
        def main(ctx, given):
            yield ctx.call_activity(work, helper())
        """
    )

    assert found == ["PD101"]


def test_what_entities_and_async_activities_must_not_do_is_found() -> None:
    found = codes(
        """
        import time
        from perdure import Entity

        class Cart(Entity):
            items: list[str] = []

            def add(self) -> None:
                time.sleep(1)
                self.context.entity("stock", "tea").call("take", 1)

        @app.activity
        async def work(given):
            time.sleep(1)

        @app.activity
        def fine(given):
            time.sleep(1)
        """
    )

    assert found == ["PD203", "PD201", "PD202", "PD301"]


def test_the_remedies_are_those_of_the_guard_at_run_time() -> None:
    remedies = {rule.remedy for rule in RULES}

    for name in ("create_task", "run_in_executor"):
        assert _INSTEAD[name] in remedies
    sleeping = "await ctx.create_timer(…) instead of asyncio.sleep"
    assert sleeping in remedies
    assert _INSTEAD["create_future"].startswith(sleeping)


def test_a_file_that_cannot_be_read_is_a_finding() -> None:
    assert [f.code for f in check_source("def (")] == ["PD001"]


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if any(blocks(p)) and p.stem != "find-mistakes"],
    ids=name_of,
)
def test_nothing_is_found_in_the_documented_code(page: Path) -> None:
    assert check_source("\n".join(code for _, code in blocks(page)), str(page)) == []


def test_nothing_is_found_in_the_examples_and_benchmarks() -> None:
    assert_lint_clean(ROOT / "examples", "perdure.benchmarks")


def test_the_check_for_tests_lists_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(HEAD + "@app.orchestrator\nasync def main(ctx):\n    return open('x')\n")

    with pytest.raises(AssertionError, match=re.escape(f"{file}:7:12: PD103 open does I/O")):
        assert_lint_clean(file)
    with pytest.raises(InvalidInputError, match="no module"):
        assert_lint_clean("nowhere.at.all")


def test_the_command_tells_by_text_json_and_exit_code(tmp_path: Path) -> None:
    shell = Shell(str(tmp_path / "no.db"))
    file = tmp_path / "wrong.py"
    file.write_text(HEAD + "@app.orchestrator\nasync def main(ctx):\n    return open('x')\n")

    wrong = shell.run("lint", str(tmp_path))
    as_json = shell.run("lint", str(file), "--json")

    assert wrong.exit_code == as_json.exit_code == 1
    assert wrong.stdout.startswith(f"{file}:7:12: PD103 ")
    assert '"line":7,"column":12,"code":"PD103"' in as_json.stdout
    assert shell.run("lint", str(ROOT / "examples")).exit_code == 0
    assert shell.run("lint", "nowhere.at.all").exit_code == 2
    assert shell.run("lint").exit_code == 2


def test_the_page_of_rules_lists_them_all() -> None:
    page = (ROOT / "docs" / "reference" / "lint.md").read_text(encoding="utf-8")

    assert [rule.code for rule in RULES if f"`{rule.code}`" not in page] == []


@pytest.mark.parametrize(
    ("imported", "call"),
    [
        ("from shop.prices import total", "total()"),
        ("from .prices import total", "total()"),
        ("from . import prices", "prices.total()"),
        ("import shop.prices", "shop.prices.total()"),
        ("from shop import total", "total()"),
    ],
)
def test_helpers_of_other_modules_of_the_project_are_followed(
    tmp_path: Path, imported: str, call: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("from shop.prices import total\n")
    (folder / "clocks.py").write_text("import time\n\n\ndef now():\n    return time.time()\n")
    (folder / "prices.py").write_text(
        "from shop import clocks\n\n\ndef total():\n    return clocks.now()\n"
    )
    (folder / "app.py").write_text(
        f"{HEAD}{imported}\n\n\n@app.orchestrator\nasync def main(ctx):\n    return {call}\n"
    )

    (finding,) = check_targets([folder / "app.py", folder])

    assert Path(finding.path).name == "clocks.py"
    assert (finding.line, finding.code) == (5, "PD101")


def test_helpers_are_followed_however_deep_and_in_circles() -> None:
    assert codes(
        """
        import time

        def one():
            return two()

        def two():
            return three() or one()

        def three():
            return time.time()

        @app.orchestrator
        async def main(ctx):
            return one()
        """
    ) == ["PD101"]


def test_a_task_that_is_kept_and_never_looked_at_is_found() -> None:
    assert orchestrator("task = ctx.call_activity('a', 1)\nreturn 1") == ["PD108"]
    assert orchestrator("reply = ctx.call_http('GET', given)\nreturn 1") == ["PD108"]


def test_methods_are_followed_as_functions_are() -> None:
    assert codes(
        """
        import time

        class Clock:
            def now(self):
                return self._read()

        class Wall(Clock):
            def _read(self):
                return time.time()

            def late(self):
                return self.now()

            @staticmethod
            def zone():
                return time.localtime()

            @property
            def unused(self):
                return time.time()

        class Orders:
            @app.orchestrator
            async def main(self, ctx):
                return self.total() + Wall.zone() + Wall().late()

            def total(self):
                return time.monotonic()
        """
    ) == ["PD101", "PD101"]


def test_what_operations_call_is_followed() -> None:
    assert codes(
        """
        import time
        from perdure import Entity

        def rest():
            time.sleep(1)

        class Cart(Entity):
            def add(self, amount: int) -> None:
                self._wait()

            def _wait(self) -> None:
                rest()
        """
    ) == ["PD201"]
