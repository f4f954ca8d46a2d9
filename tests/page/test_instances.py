"""Instances: finding one among many, and what one shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure.orchestration.client import EmbeddedClient
from perdure.orchestration.refs import OrchestrationRef
from tests.page.browser import Browser
from tests.page.shop import Product, approval, holder, order, refused


def an_order(
    client: EmbeddedClient, instance_id: str, **more: object
) -> OrchestrationRef[object]:
    """An order that has what it needs."""
    client.entity(Product, f"of-{instance_id}").signal(Product.receive, 5)
    given = {"customer": "eve", "product": f"of-{instance_id}", "amount": 1, "cents": 990}
    ref: OrchestrationRef[object] = client.start(
        order, given | more, instance_id=instance_id, tags={"channel": instance_id}
    )
    return ref


def ids(browser: Browser) -> list[str]:
    links = [row.get_attribute("href") or "" for row in browser.all(".instance-row")]
    return [link.rpartition("/")[2] for link in links]


@pytest.mark.parametrize(
    ("field", "value", "query"),
    [
        ("input[type=search]", "sought-b", "prefix=sought-b"),
        (".filters label:nth-of-type(4) input", "colour=blue", "tag=colour%3Dblue"),
    ],
)
def test_they_are_found_by_a_filter_that_is_in_the_address(
    browser: Browser, client: EmbeddedClient, field: str, value: str, query: str
) -> None:
    for colour in ("red", "blue"):
        client.start_or_get(
            approval, 1, instance_id=f"sought-{colour}", tags={"colour": colour}
        )
    browser.open("#/instances")
    browser.see(".instance-row", "sought-red")

    browser.fill(field, value)

    browser.until(lambda: ids(browser) == ["sought-blue"], "sought-blue alone")
    assert query in browser.fragment
    browser.click("button", "Clear")
    browser.see(".instance-row", "sought-red")


def test_a_name_a_status_and_a_time_choose_together(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start_or_get(approval, 1, instance_id="chosen-runs").wait_for_start(timeout=10)
    failed = client.start_or_get(refused, "no", instance_id="chosen-failed")
    browser.until(lambda: (s := failed.status()) is not None and s.is_finished, "an end")

    browser.afresh("#/instances?prefix=chosen&name=refused&status=Failed&from=2020-01-01T00:00")
    browser.see(".instance-row", "chosen-failed")
    assert ids(browser) == ["chosen-failed"]
    browser.open("#/instances?prefix=chosen&from=2090-01-01T00:00")
    browser.see(".empty", "Nothing fits.")
    browser.open("#/instances?prefix=chosen&status=Running")
    browser.see(".instance-row", "chosen-runs")


def test_an_order_shows_retries_locks_calls_and_children_on_its_timeline(
    browser: Browser, client: EmbeddedClient
) -> None:
    an_order(client, "drawn").result(timeout=30)
    browser.open("#/instances/drawn")

    browser.see(".gantt-row", "charge_card \u00d73")
    row = "[aria-label^='activity charge_card']"
    assert len(browser.all(f"{row} .gantt-bar[data-kind=failed]")) == 2
    assert len(browser.all(f"{row} .gantt-bar[data-kind=wait]")) == 2
    assert len(browser.all(f"{row} .gantt-bar[data-kind=run]")) == 1
    assert len(browser.all("[aria-label^='lock @product@of-drawn'] [data-kind=hold]")) == 1
    assert len(browser.all("[aria-label^='call reserve']")) == 1
    assert len(browser.all("[aria-label^='child delivery']")) == 2
    assert len(browser.all("[aria-label^='signal deposit'] .gantt-mark")) == 1
    assert browser.all("[aria-label^='timer']") == []  # they are the waits between attempts
    browser.click(".gantt-name a", "delivery")
    browser.see(".gantt-row", "print_label")


def test_one_that_goes_on_is_drawn_as_it_goes(browser: Browser, client: EmbeddedClient) -> None:
    an_order(client, "live", needs_signature=True)
    browser.open("#/instances/live")
    browser.see(".head .status", "Running")
    browser.see(".why", "an event 'Signed' that nobody has raised")
    browser.see(".gantt-bar[data-open=true]")

    client.orchestration("live").raise_event("Signed", "Eve")

    browser.see(".head .status", "Completed")
    browser.gone(".gantt-bar[data-open=true]")
    assert len(browser.all("[aria-label^='event Signed'], [aria-label^='event signed']")) == 1


def test_its_data_history_and_family_are_shown(
    browser: Browser, client: EmbeddedClient
) -> None:
    an_order(client, "told").result(timeout=30)
    browser.open("#/instances/told")

    browser.see("#tab-panel", 'customer: "eve"')
    browser.see("#tab-panel", 'step: "packing"')
    browser.see("#tab-panel", 'receipt: "receipt for 990"')
    browser.click("[role=tab]", "History")
    browser.click(".history-row", "TaskFailed")
    browser.see(".split .card", "the bank does not answer (attempt 1)")
    browser.click("[role=tab]", "Parent and children")
    browser.see(".tree", "delivery")
    browser.click(".tree li li a")
    browser.see("h1")
    browser.open(browser.fragment + "?tab=family")
    browser.see(".tree", "told parent")
    assert "tab=family" in browser.fragment


def test_what_it_waits_for_leads_there(browser: Browser, client: EmbeddedClient) -> None:
    client.entity(Product, "wanted").signal(Product.receive, 9)
    client.start(holder, "wanted", instance_id="has-it").wait_for_start(timeout=10)
    browser.until(
        lambda: (s := client.entity(Product, "wanted").get()) is not None and s.locked_by,
        "a lock",
    )
    client.start(holder, "wanted", instance_id="wants-it").wait_for_start(timeout=10)

    browser.open("#/instances/wants-it")

    browser.see(".why", "the lock of @product@wanted, which has-it has locked")
    browser.click(".why a", "@product@wanted")
    browser.see("h1", "wanted")
    for name in ("has-it", "wants-it"):
        client.orchestration(name).raise_event("LetGo")


def ask(browser: Browser, action: str, **values: str) -> None:
    """Press a button, and say yes to what it asks."""
    browser.click(f"[data-action={action}]")
    browser.see("dialog[open]")
    for name, value in values.items():
        browser.fill(f"dialog #field-{name}", value)
    browser.click("dialog [type=submit]")
    browser.gone("dialog")


def shows(browser: Browser, status: str) -> None:
    browser.see(".head .status", status)


def test_nothing_is_done_before_it_is_confirmed(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start(approval, 1, instance_id="spared").wait_for_start(timeout=10)
    browser.open("#/instances/spared")

    browser.click("[data-action=terminate]")
    browser.see("dialog[open]", "Terminate: spared")
    browser.click("dialog button", "Back")

    browser.gone("dialog")
    assert (state := client.orchestration("spared").status()) is not None
    assert state.runtime_status == "Running"


def test_an_event_is_raised_with_its_data(browser: Browser, client: EmbeddedClient) -> None:
    ref = client.start(approval, 1, instance_id="raised")
    browser.open("#/instances/raised")

    browser.click("[data-action=raise]")
    browser.fill("dialog #field-name", "Approval")
    browser.fill("dialog #field-data", "yes")
    browser.click("dialog [type=submit]")
    browser.see("dialog [role=alert]", "Data is not JSON")
    browser.fill("dialog #field-data", "true")
    browser.click("dialog [type=submit]")

    shows(browser, "Completed")
    assert ref.result(timeout=10) == "approved"


def test_it_is_suspended_and_resumed_with_a_reason(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start(approval, 1, instance_id="paused").wait_for_start(timeout=10)
    browser.open("#/instances/paused")

    ask(browser, "suspend", reason="lunch")
    shows(browser, "Suspended")
    browser.see(".why", "it is suspended: lunch")
    assert browser.all("[data-kind=pause]") != []
    ask(browser, "resume", reason="back")
    shows(browser, "Running")


@pytest.mark.parametrize(
    ("action", "status"), [("terminate", "Terminated"), ("cancel", "Canceled")]
)
def test_it_is_ended(
    browser: Browser, client: EmbeddedClient, action: str, status: str
) -> None:
    client.start(approval, 1, instance_id=f"{action}-me").wait_for_start(timeout=10)
    browser.open(f"#/instances/{action}-me")

    ask(browser, action, reason="no more")

    shows(browser, status)
    browser.see("[data-action=purge]")


def test_one_that_failed_is_rewound_and_restarted(
    browser: Browser, client: EmbeddedClient
) -> None:
    failed = client.start(refused, "no money", instance_id="again")
    browser.until(lambda: (s := failed.status()) is not None and s.is_finished, "an end")
    browser.open("#/instances/again")
    browser.see(".failure", "DeclinedError: no money")

    ask(browser, "rewind", reason="try")
    browser.until(
        lambda: browser.all("[aria-label^='orchestration'] .gantt-mark"), "the rewinding"
    )
    shows(browser, "Failed")
    browser.gone(".live")
    ask(browser, "restart")

    browser.gone("h1", "again")
    browser.see(".failure", "DeclinedError: no money")


def test_one_that_is_purged_is_gone(browser: Browser, client: EmbeddedClient) -> None:
    client.start(approval, 1, instance_id="purged").terminate()
    browser.open("#/instances/purged")
    shows(browser, "Terminated")

    ask(browser, "purge")

    browser.see("h1", "Instances")
    assert client.orchestration("purged").status() is None
    browser.open("#/instances/purged")
    browser.see("[role=alert]", "It may have been purged")


def test_many_are_read_page_by_page_as_one_goes_down(
    browser: Browser, client: EmbeddedClient, wait: Callable[[str, int], None]
) -> None:
    with client.pipeline() as pipeline:
        for number in range(350):
            pipeline.start(approval, number, instance_id=f"many-{number:03}")
    wait("many-", 350)
    browser.open("#/instances?prefix=many-&order=id")
    browser.see(".instance-row", "many-000")
    assert len(browser.all(".instance-row")) < 60

    def down() -> bool:
        browser.script("const list = document.querySelector('.list'); list.scrollTop = 1e9")
        return any("many-349" in row.text for row in browser.all(".instance-row"))

    browser.until(down, "the last one")
    browser.see(".head", "350")
