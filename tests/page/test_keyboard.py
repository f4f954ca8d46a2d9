"""Everything is reached without a mouse, and has a name for those who do not see it."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.shop import Product, approval

VIEWS = ("overview", "entities", "instances", "log", "quarantine", "schedules")
NAMELESS = """
return [...document.querySelectorAll("a, button, input, select, textarea, [role=img]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => {
    const labelled = node.labels?.length || node.getAttribute("aria-label") || node.title;
    return !labelled && !node.textContent.trim();
  })
  .map((node) => node.outerHTML.slice(0, 200));
"""


def focused(browser: Browser) -> str:
    """The text of what has the focus."""
    return str(browser.script("return document.activeElement.textContent"))


def test_a_slash_leads_to_the_search_and_escape_out_of_it(browser: Browser) -> None:
    browser.open("#/instances")
    browser.see("input[type=search]")

    browser.press("/")

    assert browser.script("return document.activeElement.type") == "search"
    browser.press("a")
    assert browser.script("return document.activeElement.value") == "a"
    browser.press(Keys.ESCAPE)
    assert browser.script("return document.activeElement === document.body")


def test_arrows_go_through_a_list_enter_opens_and_escape_leads_back(
    browser: Browser, client: EmbeddedClient
) -> None:
    for name in ("key-1", "key-2", "key-3"):
        client.start_or_get(approval, 1, instance_id=name).wait_for_start(timeout=10)
    browser.afresh("#/instances?prefix=key-&order=id")
    browser.see(".instance-row", "key-3")

    browser.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    browser.until(lambda: "key-2" in focused(browser), "the focus at key-2")
    browser.press(Keys.END)
    browser.until(lambda: "key-3" in focused(browser), "the focus at key-3")
    browser.press(Keys.ENTER)

    browser.see("h1", "key-3")
    browser.script("document.activeElement.blur()")
    browser.press(Keys.ESCAPE)
    browser.see("h1", "Instances")


def test_letters_lead_to_views_and_a_question_mark_tells_the_keys(browser: Browser) -> None:
    browser.script("document.activeElement.blur()")

    browser.press("g", "l")
    browser.see("h1", "Log")
    browser.press("g", "s")
    browser.see("h1", "Schedules")
    browser.press("?")
    browser.see(".keys", "through versions, on the time slider")
    browser.press(Keys.ESCAPE)
    browser.gone(".keys")


def test_a_dialog_keeps_the_focus_and_gives_it_back(
    browser: Browser, client: EmbeddedClient
) -> None:
    client.start_or_get(approval, 1, instance_id="asked").wait_for_start(timeout=10)
    browser.open("#/instances/asked")
    browser.see("[data-action=suspend]").send_keys(Keys.ENTER)
    browser.see("dialog[open]")

    for _ in range(6):
        browser.press(Keys.TAB)
        inside = "return document.activeElement.closest('dialog, body').tagName"
        assert browser.script(inside) in ("DIALOG", "BODY")
    browser.press(Keys.ESCAPE)

    browser.gone("dialog")
    action = "return document.activeElement.dataset.action"
    browser.until(lambda: browser.script(action) == "suspend", "the focus at the button")


def test_tabs_go_by_arrows(browser: Browser, client: EmbeddedClient) -> None:
    client.start_or_get(approval, 1, instance_id="tabbed").wait_for_start(timeout=10)
    browser.open("#/instances/tabbed")

    browser.see("[role=tab][aria-selected=true]", "Data").send_keys(Keys.ARROW_RIGHT)

    browser.see("[role=tab][aria-selected=true]", "History")
    browser.until(lambda: "History" in focused(browser), "the focus at the tab")


@pytest.mark.parametrize("view", [*VIEWS, "entities/product/named", "instances/named"])
def test_all_that_can_be_used_has_a_name(
    browser: Browser, client: EmbeddedClient, view: str
) -> None:
    client.entity(Product, "named").call(Product.receive, 1).get(timeout=10)
    client.start_or_get(approval, 1, instance_id="named").wait_for_start(timeout=10)
    browser.open(f"#/{view}")
    browser.see("main h1")
    browser.gone(".state .pulse")

    assert browser.script(NAMELESS) == []


def test_the_focus_is_seen(browser: Browser) -> None:
    browser.afresh("#/overview")
    browser.see("h1", "Overview")

    browser.press(Keys.TAB, Keys.TAB)

    style = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.script(style) == "solid"
