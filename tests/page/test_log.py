"""The log: the change feed, live, filtered, paused."""

from __future__ import annotations

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser, words
from tests.page.shop import Product, approval


def test_changes_are_shown_as_they_come_the_newest_first(
    browser: Browser, client: EmbeddedClient
) -> None:
    browser.open("#/log")
    browser.see(".live[data-live=true]")

    client.entity(Product, "fresh").call(Product.receive, 77).get(timeout=10)

    row = browser.see(".log-row", "@product@fresh")
    assert 'receive {"title":"","price_cents":0,"stock":77' in words(row)
    browser.click(".log-row", "@product@fresh")
    browser.see(".split .card", "version 1")
    browser.click(".split .card a", "version 1")
    browser.see("h1", "fresh")


def test_it_is_filtered_by_kind_address_and_text(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.entity(Product, "sieve").call(Product.note, "needle").get(timeout=10)
    client.entity(Product, "sieve").call(Product.receive, 1).get(timeout=10)
    client.start(approval, 5, instance_id="in-log").wait_for_start(timeout=10)

    browser.open("#/log?of=orchestrations")
    browser.gone(".log-row", "@product")
    browser.see(".log-row", "in-log")
    browser.open("#/log?address=%40product%40sieve")
    browser.gone(".log-row", "in-log")
    browser.see(".log-row", "receive")
    browser.fill("input[type=search]", "needle")
    browser.gone(".log-row", "receive")
    browser.see(".log-row", "note")
    assert "text=needle" in browser.fragment


def test_it_is_paused_and_goes_on_with_what_came_meanwhile(
    browser: Browser, client: EmbeddedClient
) -> None:
    browser.open("#/log?address=%40product%40paused-log")
    browser.see(".live[data-live=true]")
    browser.see(".empty", "Nothing here yet.")
    browser.click(".log-bar button", "Pause")
    product = client.entity(Product, "paused-log")
    product.call(Product.receive, 1).get(timeout=10)
    browser.see(".log-bar", "paused")
    assert browser.all(".log-row") == []

    browser.click(".log-bar button", "Go on")

    browser.see(".log-row", "@product@paused-log")


def test_it_begins_behind_a_position(browser: Browser, client: EmbeddedClient) -> None:
    client.entity(Product, "first-of-all").call(Product.receive, 1).get(timeout=10)

    browser.open("#/log?after=0.0&address=%40product%40first-of-all")

    browser.see(".log-row", "@product@first-of-all")
