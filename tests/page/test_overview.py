"""The overview: how many there are of what, how fast it goes, and how the store is."""

from __future__ import annotations

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.shop import Product, approval, refused


def test_it_counts_and_leads_to_what_it_counts(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start(approval, 1, instance_id="counted")
    failed = client.start(refused, "no", instance_id="counted-failed")
    browser.until(lambda: (s := failed.status()) is not None and s.is_finished, "an end")
    browser.open("#/overview")

    browser.see(".tile", "Entities")
    browser.see(".tile", "Running")
    browser.click(".tile", "Failed")

    browser.see(".instance-row", "counted-failed")
    assert browser.fragment == "#/instances?status=Failed"
    browser.gone(".instance-row", "Running")


def test_throughput_and_latency_are_drawn_and_go_on_by_themselves(
    browser: Browser, client: EmbeddedClient
) -> None:
    browser.open("#/overview")
    browser.see(".measure", "Throughput")
    before = browser.script("return document.querySelector('.spark-line').getAttribute('d')")

    client.entity(Product, "measured").call(Product.receive, 1).get(timeout=10)

    def drawn() -> bool:
        path = browser.script("return document.querySelector('.spark-line').getAttribute('d')")
        return bool(path) and path != before

    browser.until(drawn, "another line")
    browser.see(".measure", "Latency, mean")
    browser.see(".measure", "Latency, slowest")


def test_it_tells_how_the_store_is_and_what_waits_longest(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start(approval, 1, instance_id="waiting").wait_for_start(timeout=10)
    browser.open("#/overview")

    browser.see(".fact", "Health works")
    browser.see(".fact", "Durability process")
    browser.see(".fact", "Backlog")
    browser.see(".fact", "Write-ahead log")
    browser.see(".fact", "Quarantine")
    browser.see(".fact", "Waits longest")


def test_a_server_that_does_not_answer_is_told_and_asked_again(browser: Browser) -> None:
    browser.open("#/overview")
    browser.see(".fact", "Health works")
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}

    browser.devtools("Network.enable")
    browser.devtools("Network.emulateNetworkConditions", offline=True, **speed)
    try:
        browser.see("[role=alert]", "There is no answer from the server.")
        browser.see(".fact", "Health works")
    finally:
        browser.devtools("Network.emulateNetworkConditions", offline=False, **speed)
        browser.devtools("Network.disable")

    browser.gone("[role=alert]")
