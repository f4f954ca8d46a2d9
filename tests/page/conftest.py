"""A shop that is served, and a real browser that looks at it; skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from perdure.gateway import asgi
from perdure.gateway.serving import Serving, listen
from perdure.orchestration.client import Client
from tests.page.browser import Browser, start
from tests.page.shop import app

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
WIDE = (1280, 860)


@attrs.frozen
class Shop:
    """The shop's client, and where its page is."""

    client: Client
    base: str


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One store for all tests, which leave each other's entities alone."""
    path: Path = tmp_path_factory.mktemp("page") / "shop.db"
    listener = listen("127.0.0.1", 0)
    with app.open(path, durability="process") as client:
        serving = Serving(asgi(client, token=None), listener)
        serving.start()
        try:
            yield Shop(client, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            serving.stop()


@pytest.fixture(scope="session")
def window(shop: Shop) -> Iterator[Browser]:
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("there is no chromium: apt-get install chromium chromium-driver")
    driver = start(CHROMIUM, CHROMEDRIVER)
    try:
        yield Browser(driver, shop.base)
    finally:
        driver.quit()


@pytest.fixture
def browser(window: Browser) -> Iterator[Browser]:
    """The window at its usual size. Whatever a test does, the policy is never violated."""
    window.size(*WIDE)
    window.prefer("light")
    window.open("#/overview")
    yield window
    assert window.violations == []


@pytest.fixture
def client(shop: Shop) -> Client:
    return shop.client


@pytest.fixture
def wait(client: Client) -> Callable[[str, int], None]:
    """Waits until so many orchestrations have begun whose ids begin so."""

    def waiting(prefix: str, number: int) -> None:
        while sum(client.count(prefix=prefix).values()) < number:
            client.entity("account", "pace").call("delete").get(timeout=10)

    return waiting
