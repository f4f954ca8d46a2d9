"""A shop that is served, and a real browser that looks at it; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from selenium import webdriver

from perdure.gateway.application import Gateway
from perdure.gateway.security.access import OWNER, Identity, Token
from perdure.gateway.serving import Serving, listen
from perdure.orchestration.client import EmbeddedClient
from perdure.storage.records import Batch, QuarantineRow
from perdure.storage.sqlite.store import SqliteStore
from tests.page.browser import Browser, start
from tests.page.shop import app

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
WIDE = (1280, 860)
TOKEN = "a-token-of-the-page-tests-of-40-characters"


@attrs.frozen
class Shop:
    """The shop's client, and where its page is."""

    client: EmbeddedClient
    gateway: Gateway
    base: str

    def link(self, who: Identity = OWNER) -> str:
        """A link that logs in once."""
        return f"#login={self.gateway.access.new_link(who)}"


POISON = b'["receive","value",5,"",false,"",false]'
QUARANTINED = range(1, 5)
"""The ids of messages that were set aside before the store is opened."""


def set_aside(path: Path) -> None:
    """Have some messages in quarantine."""
    store = SqliteStore.open(str(path))
    rows = [
        QuarantineRow(number, "@product@poisoned", POISON, 3, "it killed the process", 1)
        for number in QUARANTINED
    ]
    store.commit(Batch(store.opening.last_batch + 1, quarantined=rows))
    store.close(clean=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One store for the tests of a file, which leave each other's entities alone."""
    path: Path = tmp_path_factory.mktemp("page") / "shop.db"
    set_aside(path)
    listener = listen("127.0.0.1", 0)
    with app.open(path, durability="process") as client:
        reader = Token.of("guest", "read", "a-token-that-may-only-read-of-the-page-tests")
        gateway = Gateway(client, token=TOKEN, tokens=[reader])
        serving = Serving(gateway, listener)
        serving.start()
        try:
            yield Shop(client, gateway, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            serving.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("there is no chromium: apt-get install chromium chromium-driver")
    driver = start(CHROMIUM, CHROMEDRIVER)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="module")
def window(chromium: webdriver.Chrome, shop: Shop) -> Browser:
    browser = Browser(chromium, shop.base)
    browser.open(shop.link())
    return browser


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """The window at its usual size. Whatever a test does, the policy is never violated."""
    window.size(*WIDE)
    window.prefer("light")
    window.open("#/overview")
    yield window
    assert window.violations == []


@pytest.fixture
def client(shop: Shop) -> EmbeddedClient:
    return shop.client


@pytest.fixture
def wait(client: EmbeddedClient) -> Callable[[str, int], None]:
    """Waits until so many orchestrations have begun whose ids begin so."""

    def waiting(prefix: str, number: int) -> None:
        while sum(client.count(prefix=prefix).values()) < number:
            client.entity("account", "pace").call("delete").get(timeout=10)

    return waiting
