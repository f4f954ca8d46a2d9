"""An entity: its state, the time slider, its queue and lock, and operating it."""

from __future__ import annotations

import json

from selenium.webdriver.common.keys import Keys

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.shop import Account, Product, holder

SLIDER = "input[type=range]"
STATE = "[aria-label=State].card"
CHANGED = "[aria-label='What changed']"


def slide(browser: Browser, version: int) -> None:
    """Drag the slider to a version."""
    browser.see(SLIDER)
    browser.script(
        "const slider = document.querySelector('input[type=range]');"
        "slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input', {bubbles: true}));",
        version,
    )


def a_product(client: EmbeddedClient, key: str) -> None:
    """One with a past of five versions: 0, 10, 13, 12, 12 in stock."""
    product = client.entity(Product, key)
    product.signal(Product.describe, "Tea", 1290)
    product.signal(Product.receive, 10)
    product.signal(Product.receive, 3)
    product.signal(Product.reserve, "order-1")
    product.call(Product.note, "green").get(timeout=10)


def test_an_entity_is_found_by_its_kind_and_the_beginning_of_its_key(
    browser: Browser, client: EmbeddedClient
) -> None:
    for key in ("find-one", "find-other", "lost"):
        client.entity(Product, key).call(Product.receive, 1).get(timeout=10)
    browser.open("#/entities")
    browser.click(".chip", "product")
    browser.see(".key-row", "lost")

    browser.fill("input[type=search]", "find-o")

    browser.gone(".key-row", "lost")
    assert [row.text.split("\n")[0] for row in browser.all(".key-row")] == [
        "find-one",
        "find-other",
    ]
    browser.click(".key-row", "find-other")
    browser.see("h1", "find-other")
    assert browser.fragment == "#/entities/product/find-other"


def test_the_time_slider_shows_the_state_at_any_version_and_what_changed(
    browser: Browser, client: EmbeddedClient
) -> None:
    a_product(client, "slid")
    browser.open("#/entities/product/slid")
    browser.see(STATE, "stock: 12")
    browser.see(".slider", "Version 5")

    slide(browser, 3)

    browser.see(STATE, "stock: 13")
    browser.see(STATE, "State at version 3")
    browser.see(".slider", "in the past")
    browser.see(f"{CHANGED} tr", "stock 10 13")
    browser.see(f"{CHANGED} .told", "receive")
    assert browser.fragment == "#/entities/product/slid?version=3"
    slide(browser, 0)
    browser.see(STATE, "It had no state.")
    slide(browser, 5)
    browser.see(STATE, "notes")
    assert browser.fragment == "#/entities/product/slid"


def test_a_version_has_an_address_of_its_own(browser: Browser, client: EmbeddedClient) -> None:
    a_product(client, "linked")

    browser.afresh("#/entities/product/linked?version=2")

    browser.see(STATE, "State at version 2")
    browser.see(STATE, "stock: 10")
    browser.click("label", "compare with now")
    browser.see(f"{CHANGED} tr", "reserved.order-1")


def test_the_slider_goes_by_keys_and_by_buttons_and_plays(
    browser: Browser, client: EmbeddedClient
) -> None:
    a_product(client, "keyed")
    browser.open("#/entities/product/keyed")
    browser.see(".slider", "Version 5")

    browser.see(SLIDER).send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    browser.see(".slider", "Version 3")
    browser.click("[aria-label='One version back']")
    browser.see(".slider", "Version 2")
    browser.click("[aria-label='First version']")
    browser.see(".slider", "Version 0")
    browser.script("document.activeElement.blur()")
    browser.press(Keys.ARROW_RIGHT)
    browser.see(".slider", "Version 1")
    browser.click("[aria-label=Play]")
    browser.see(".slider", "Version 5")
    browser.see(STATE, "State now")


def test_the_event_log_leads_to_versions_and_follows_the_slider(
    browser: Browser, client: EmbeddedClient
) -> None:
    a_product(client, "logged")
    browser.open("#/entities/product/logged")

    browser.click(".event-row", "describe")

    browser.see(STATE, "State at version 1")
    browser.see(".event-row[aria-pressed=true]", "describe")
    slide(browser, 4)
    browser.see(".event-row[aria-pressed=true]", "reserve")


def test_domain_events_are_shown_with_their_data(
    browser: Browser, client: EmbeddedClient
) -> None:
    account = client.entity(Account, "ada")
    account.signal(Account.deposit, 500, "salary")
    account.call(Account.withdraw, 120, "book").get(timeout=10)

    browser.open("#/entities/account/ada")

    browser.see(CHANGED, "recorded")
    browser.see(CHANGED, 'reference: "book"')
    browser.see(f"{CHANGED} tr", "balance_cents 500 380")


def test_changes_are_shown_as_they_come_and_the_past_stays_where_it_is(
    browser: Browser, client: EmbeddedClient
) -> None:
    a_product(client, "moving")
    browser.open("#/entities/product/moving")
    browser.see(".live[data-live=true]")
    browser.see(STATE, "stock: 12")

    client.entity(Product, "moving").call(Product.receive, 100).get(timeout=10)

    browser.see(STATE, "stock: 112")
    browser.see(".slider", "Version 6")
    slide(browser, 2)
    browser.see(STATE, "stock: 10")
    client.entity(Product, "moving").call(Product.receive, 1).get(timeout=10)
    browser.see(".slider", "of 7")
    browser.see(STATE, "State at version 2")


def test_a_lock_names_its_holder(browser: Browser, client: EmbeddedClient) -> None:
    a_product(client, "held")
    client.start(holder, "held", instance_id="the-holder").wait_for_start(timeout=10)

    browser.open("#/entities/product/held")

    browser.see(".fact", "held by the-holder")
    browser.click(".fact a", "the-holder")
    browser.see("h1", "the-holder")
    client.orchestration("the-holder").raise_event("LetGo")


def test_a_form_from_the_signature_calls_and_signals(
    browser: Browser, client: EmbeddedClient
) -> None:
    a_product(client, "operated")
    browser.open("#/entities/product/operated")
    operate = "[aria-label=Operate]"

    browser.choose(f"{operate} select", "receive")
    browser.see(operate, "product.receive(amount: int)")
    browser.fill("#field-amount", "30")
    browser.click(f"{operate} button", "Call")
    browser.see(f"{operate} .done", "42")
    browser.see(STATE, "stock: 42")

    browser.choose(f"{operate} select", "note")
    browser.fill("#field-text", "twice")
    browser.click(f"{operate} button", "Signal")
    browser.see(f"{operate} .done", "Accepted")
    browser.see(STATE, '"twice"')
    snapshot = client.entity(Product, "operated").get()
    assert snapshot is not None
    assert snapshot.state.notes == ["green", "twice"]


def test_an_operation_that_fails_says_why(browser: Browser, client: EmbeddedClient) -> None:
    a_product(client, "too-few")
    browser.open("#/entities/product/too-few")
    operate = "[aria-label=Operate]"

    browser.choose(f"{operate} select", "reserve")
    browser.fill("#field-order", "order-9")
    browser.fill("#field-amount", "1000")
    browser.click(f"{operate} button", "Call")

    browser.see(f"{operate} [role=alert]", "only 12 left")


def test_a_missing_entity_says_so(browser: Browser) -> None:
    browser.open("#/entities/product/never")

    browser.see("[role=alert]", "@product@never")


def test_a_long_past_is_read_in_pages(browser: Browser, client: EmbeddedClient) -> None:
    with client.pipeline() as pipeline:
        product = pipeline.entity(Product, "long")
        for _ in range(3_000):
            product.signal(Product.receive, 1)
    client.entity(Product, "long").call(Product.available).get(timeout=30)
    browser.open("#/entities/product/long")
    browser.see(".event-row", "3,000")

    slide(browser, 1_500)

    browser.see(STATE, "stock: 1500")
    browser.see(".event-row[aria-pressed=true]", "1,500")
    assert len(browser.all(".event-row")) < 60


def test_differences_name_each_place(browser: Browser) -> None:
    before: dict[str, object] = {"same": 1, "list": [1, 2], "deep": {"gone": True}}
    after: dict[str, object] = {"same": 1, "list": [1, 3, 4], "deep": {}}

    found = browser.module(
        "difference.js",
        f"module.differences({json.dumps(before)}, {json.dumps(after)})"
        ".map((one) => [module.written(one.path), one.before ?? null, one.after ?? null])",
    )

    assert found == [["list[1]", 2, 3], ["list[2]", None, 4], ["deep.gone", True, None]]
