"""Quarantine and schedules: what needs somebody, and what goes by the clock."""

from __future__ import annotations

from datetime import timedelta

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.shop import Product, stocktaking


def confirm(browser: Browser, verb: str) -> None:
    browser.click("dialog[open] [type=submit]", verb)
    browser.gone("dialog")


def test_what_was_set_aside_is_sent_again_or_discarded(
    browser: Browser, client: EmbeddedClient
) -> None:
    browser.open("#/quarantine")
    browser.see(".quarantine-row", "@product@poisoned receive message 1")
    browser.see(".quarantine-row", "it killed the process")

    browser.click(".quarantine-row button", "Send again")
    browser.see("dialog", "Send message 1 again?")
    confirm(browser, "Send again")
    browser.gone(".quarantine-row", "message 1")
    browser.click(".quarantine-row button", "Discard")
    confirm(browser, "Discard")

    browser.gone(".quarantine-row", "message 2")
    assert client.entity(Product, "poisoned").call(Product.available).get(timeout=20) == 5
    assert [row.id for row in client.quarantine()] == [3, 4]


def test_a_schedule_is_shown_paused_resumed_and_started_now(
    browser: Browser, client: EmbeddedClient
) -> None:
    schedule = client.schedule("hourly", stocktaking, "tea", every=timedelta(hours=1))
    browser.open("#/schedules")
    card = "[aria-label=hourly]"
    browser.see(card, "Starts stocktaking every 1 h.")

    browser.click(f"{card} button", "Pause")
    browser.fill("dialog #field-note", "inventory")
    confirm(browser, "Pause")
    browser.see(card, "inventory")
    assert schedule.describe().is_paused
    browser.click(f"{card} button", "Resume")
    confirm(browser, "Resume")
    browser.see(f"{card} button", "Pause")
    browser.click(f"{card} button", "Start now")
    confirm(browser, "Start now")

    browser.see(card, "Completed")
    assert not schedule.describe().is_paused


def test_a_schedule_by_cron_tells_its_rhythm(browser: Browser, client: EmbeddedClient) -> None:
    client.schedule("nightly", stocktaking, "everything", cron="0 3 * * *")

    browser.afresh("#/schedules/nightly")

    browser.see("[aria-label=nightly][data-open=true]", "by 0 3 * * * (UTC)")
    browser.click("[aria-label=nightly] summary")
    browser.see("[aria-label=nightly] .json", "everything")
