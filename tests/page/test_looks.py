"""Light and dark, narrow screens, local times, and data that is large."""

from __future__ import annotations

import pytest

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.shop import Product, approval
from tests.page.test_keyboard import VIEWS

GROUND = "return getComputedStyle(document.documentElement).backgroundColor"
CONTRAST = """
const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const light = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const found = getComputedStyle(at).backgroundColor;
    if (found !== "rgba(0, 0, 0, 0)" && found !== "transparent") return found;
  }
  return getComputedStyle(document.documentElement).backgroundColor;
};
const texts = "main :is(h1, h2, p, dt, dd, a, span, td, th, code, button)";
return [...document.querySelectorAll(texts)]
  .filter((node) => node.checkVisibility() && node.textContent.trim() && !node.disabled)
  .map((node) => {
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return [ratio, node.className + ": " + node.textContent.slice(0, 40)];
  })
  .filter(([ratio]) => ratio < 4.5);
"""


LIGHT, DARK = "rgb(247, 247, 245)", "rgb(18, 20, 22)"


def is_(browser: Browser, ground: str) -> None:
    browser.until(lambda: browser.script(GROUND) == ground, f"the ground {ground}")


def test_it_is_as_dark_as_the_system_unless_told_otherwise(browser: Browser) -> None:
    is_(browser, LIGHT)

    browser.prefer("dark")
    is_(browser, DARK)
    browser.click("[aria-label='Light colours']")
    is_(browser, LIGHT)
    browser.afresh("#/overview")
    browser.see("h1", "Overview")
    is_(browser, LIGHT)
    browser.click("[aria-label='Dark colours']")
    is_(browser, DARK)
    browser.prefer("light")
    is_(browser, LIGHT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_told_from_its_ground(
    browser: Browser, client: EmbeddedClient, scheme: str
) -> None:
    client.entity(Product, "legible").call(Product.receive, 1).get(timeout=10)
    client.start_or_get(approval, 1, instance_id="legible").wait_for_start(timeout=10)
    browser.prefer(scheme)

    for view in ("overview", "entities/product/legible", "instances/legible", "log"):
        browser.open(f"#/{view}")
        browser.see("main h1")
        browser.gone(".state .pulse")
        assert browser.script(CONTRAST) == [], view


@pytest.mark.parametrize("view", [*VIEWS, "entities/product/narrow", "instances/narrow"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, client: EmbeddedClient, view: str
) -> None:
    client.entity(Product, "narrow").call(Product.receive, 1).get(timeout=10)
    client.start_or_get(approval, 1, instance_id="narrow").wait_for_start(timeout=10)
    browser.size(360, 740, mobile=True)
    browser.open(f"#/{view}")
    browser.see("main h1")
    browser.gone(".state .pulse")

    wide = (
        "return [...document.querySelectorAll('main, main *')]"
        ".filter((node) => !node.closest('.tabs *, .list *, svg *'))"
        ".filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > 361)"
        ".map((node) => node.outerHTML.slice(0, 120))"
    )
    assert browser.script(wide) == []
    assert browser.script("return document.documentElement.scrollWidth") <= 360


def test_on_a_phone_an_entity_is_beside_no_list_and_leads_back(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.entity(Product, "pocket").call(Product.receive, 1).get(timeout=10)
    browser.size(360, 740, mobile=True)
    browser.open("#/entities/product?key=pock")

    browser.click(".key-row", "pocket")
    browser.see("h1", "pocket")
    browser.gone(".entities-list")
    browser.click("[data-back]")
    browser.see(".entities-list")


def test_times_are_local_and_tell_utc_on_hover(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.entity(Product, "timed").call(Product.receive, 1).get(timeout=10)
    browser.devtools("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    try:
        browser.afresh("#/entities/product/timed")
        time = browser.see(".facts time")
        moment = str(time.get_attribute("datetime"))
        shown = browser.module("format.js", f"module.local(new Date('{moment}'))")
        title = str(time.get_attribute("title"))
        assert title.endswith("UTC")
        assert title[11:13] == moment[11:13]
        assert time.text == shown
        assert shown[-8:-3] != moment[11:16]
    finally:
        browser.devtools("Emulation.setTimezoneOverride", timezoneId="")


def test_large_data_is_folded_until_it_is_asked_for(
    browser: Browser, client: EmbeddedClient
) -> None:
    product = client.entity(Product, "large")
    product.signal(Product.describe, "x" * 5_000, 1)
    with client.pipeline() as pipeline:
        for number in range(300):
            pipeline.entity(Product, "large").signal(Product.note, f"note {number}")
    product.call(Product.available).get(timeout=20)
    browser.open("#/entities/product/large")
    state = "[aria-label=State].card"

    browser.see(state, "[ 300 items ]")
    browser.see(f"{state} button", "all 5,000 characters")
    assert "note 50" not in browser.text(state)
    browser.click(f"{state} .json-fold", "300 items")
    browser.see(state, "note 50")
    assert "note 250" not in browser.text(state)
    browser.click(f"{state} button", "200 more")
    browser.see(state, "note 250")
