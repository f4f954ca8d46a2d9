"""Whatever data says, it is text; the policy forbids the rest; and it takes a login to look."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from perdure.gateway.security.access import Identity
from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser
from tests.page.conftest import Shop
from tests.page.shop import Account, Product, order, refused

EVIL = (
    "<img src=x onerror=window.hacked=1>",
    "<script>window.hacked=1</script>",
    "javascript:window.hacked=1",
    "\"'><svg onload=window.hacked=1>",
    "${window.hacked=1}",
    "{{window.hacked=1}}",
)
ALL = " ".join(EVIL)
VIEWS = (
    "#/overview",
    "#/instances?order=id",
    "#/instances/{id}",
    "#/instances/{id}?tab=history",
    "#/instances/{id}?tab=family",
    "#/entities/product",
    "#/entities/product/{id}",
    "#/entities/product/{id}?version=1",
    "#/entities/account/{id}",
    "#/log",
    "#/log?text={id}",
    "#/quarantine",
    "#/schedules",
    "#/instances?prefix={id}",
    "#/{id}",
    "#/schedules/{id}",
)


@pytest.fixture(scope="module")
def evil_id(shop: Shop) -> str:
    """An id and key of a thing in which every field is evil."""
    client = shop.client
    name = EVIL[0]
    product = client.entity(Product, name)
    product.signal(Product.describe, ALL, 1)
    product.signal(Product.note, ALL)
    product.call(Product.receive, 5).get(timeout=10)
    client.entity(Account, name).call(Account.deposit, 5, ALL).get(timeout=10)
    given = {"customer": ALL, "product": name, "amount": 1, "cents": 1, "parcels": 1}
    signed = client.start_or_get(
        order, given | {"needs_signature": True}, instance_id=name, tags={"evil": ALL}
    )
    signed.suspend(ALL)
    signed.raise_event(EVIL[0], ALL)
    client.start_or_get(refused, ALL, instance_id=EVIL[3], tags={"evil": EVIL[3]})
    return name


def test_markup_in_every_field_is_shown_as_text(browser: Browser, evil_id: str) -> None:
    escaped = browser.script("return encodeURIComponent(arguments[0])", evil_id)
    for view in VIEWS:
        browser.open(view.format(id=escaped))
        browser.gone(".state .pulse")
        assert browser.script("return window.hacked") is None, view
        assert browser.all("main img, main script, main svg[onload], [onerror]") == [], view
    browser.open(f"#/entities/product/{escaped}")
    browser.see("h1", evil_id)
    browser.see("[aria-label=State].card", EVIL[1])
    links = [link.get_attribute("href") or "" for link in browser.all("main a")]
    assert all(link.startswith(f"{browser.base}#/") for link in links)


def test_a_dialog_and_a_search_show_it_as_text_too(browser: Browser, evil_id: str) -> None:
    escaped = browser.script("return encodeURIComponent(arguments[0])", evil_id)
    browser.open(f"#/instances/{escaped}")

    browser.click("[data-action=terminate]")

    browser.see("dialog h2", evil_id)
    browser.click("dialog button", "Back")
    browser.open("#/instances")
    browser.fill("input[type=search]", EVIL[3])
    browser.see(".empty, .instance-row")
    assert browser.script("return window.hacked") is None


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<img src=x onerror=window.hacked=1>'",
        "const s = document.createElement('script'); s.text = 'window.hacked=1';"
        "document.head.append(s)",
        "setTimeout('window.hacked=1')",
        "document.body.setAttribute('onclick', 'window.hacked=1'); document.body.click()",
        "location.href = 'javascript:window.hacked=1'",
    ],
)
def test_no_text_becomes_a_script_even_if_one_tries(browser: Browser, attempt: str) -> None:
    browser.script(f"try {{ {attempt} }} catch {{}}")

    assert browser.script("return window.hacked") is None
    browser.afresh("#/overview")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/x", "data:text/plain,x"])
def test_nothing_is_asked_of_another_origin(browser: Browser, elsewhere: str) -> None:
    got = browser.promised(
        "const done = arguments[1];"
        "fetch(arguments[0]).then(() => done('answered'), () => done('refused'));",
        elsewhere,
    )

    assert got == "refused"
    assert any(f.startswith("connect-src") for f in browser.violations)
    browser.afresh("#/overview")


def test_the_page_is_in_no_frame(browser: Browser) -> None:
    browser.script(
        "const frame = document.createElement('iframe'); frame.src = '/'; frame.id = 'framed';"
        "document.body.append(frame)"
    )

    found = browser.driver.find_element(By.ID, "framed")
    look = "return arguments[0].contentDocument?.querySelector('#page')"
    inside = browser.script(look, found)
    assert inside is None
    browser.afresh("#/overview")


def test_a_link_logs_in_once_and_out_again(browser: Browser, shop: Shop) -> None:
    browser.open("#/overview")
    browser.click("[aria-label='Log out']")
    browser.see(".login", "Open the one-time link")

    link = shop.link()
    browser.afresh(link)
    browser.see("h1", "Overview")
    assert browser.script("return location.hash") == ""
    assert browser.script("return document.cookie") == ""
    browser.click("[aria-label='Log out']")
    browser.see(".login", "Open the one-time link")
    browser.afresh(link)
    browser.see(".login [role=alert]", "the link was used already")
    browser.afresh(shop.link())
    browser.see("h1", "Overview")


def test_who_may_only_read_has_no_buttons_to_press(
    browser: Browser, shop: Shop, client: EmbeddedClient
) -> None:
    client.entity(Product, "read-only").call(Product.receive, 1).get(timeout=10)
    browser.afresh(shop.link(Identity("guest", "read", "token")))
    browser.see("h1", "Overview")
    try:
        browser.open("#/quarantine")
        browser.see(".quarantine-row button:disabled")
        browser.open("#/entities/product/read-only")
        browser.see("[aria-label=Operate] button:disabled", "Call")
    finally:
        browser.afresh(shop.link())
        browser.see("h1", "Overview")
