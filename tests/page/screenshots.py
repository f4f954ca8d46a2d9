"""Makes the pictures of the docs: ``python -m tests.page.screenshots`` writes docs/pictures/.

A small shop is opened in a folder of its own and served, some orders are placed, and Chromium
looks at it. The pictures have 256 colours, which is what makes them small.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from perdure.gateway.application import Gateway
from perdure.gateway.security.access import OWNER
from perdure.gateway.serving import Serving, listen
from perdure.orchestration.client import EmbeddedClient
from tests.page.browser import Browser, start
from tests.page.shop import Account, Product, app, approval, order, refused

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
TOKEN = "a-token-for-the-pictures-of-40-characters"
COLOURS = 256
PRODUCTS = {
    "assam": ("Assam, second flush", 1190),
    "darjeeling": ("Darjeeling, first flush", 1690),
    "gyokuro": ("Gyokuro, shaded", 3200),
    "kettle": ("Kettle, 1.2 l", 5400),
    "oolong": ("Oolong, roasted", 1450),
    "sencha": ("Sencha, spring", 1520),
    "teapot": ("Teapot, cast iron", 6900),
    "whisk": ("Bamboo whisk", 1800),
}


def furnish(client: EmbeddedClient) -> None:
    """Have something to look at."""
    for key, (title, price) in PRODUCTS.items():
        product = client.entity(Product, key)
        product.signal(Product.describe, title, price)
        for number in range(12):
            product.signal(Product.receive, 3 + number % 5)
    ada = client.entity(Account, "ada")
    for number in range(20):
        ada.signal(Account.deposit, 1_000 + number, f"salary {number}")
    tea = client.entity(Product, "darjeeling")
    tea.signal(Product.note, "the last harvest was small")
    for number in range(1001, 1025):
        given = {
            "customer": ("ada", "grace", "edsger")[number % 3],
            "product": ("darjeeling", "sencha", "oolong")[number % 3],
            "amount": 1 + number % 2,
            "cents": 1690,
            "needs_signature": number > 1022,
        }
        tags = {"channel": ("web", "phone")[number % 2]}
        client.start(order, given, instance_id=f"order-{number}", tags=tags)
    client.start(refused, "the card has expired", instance_id="order-1025")
    client.start(approval, 120_000, instance_id="approval-7")


def busy(client: EmbeddedClient, seconds: float) -> None:
    """Go on for a while, so that there is something to measure."""
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        with client.pipeline() as pipeline:
            for _ in range(20 + 15 * (number % 7)):
                pipeline.entity(Product, "kettle").signal(Product.receive, 1)
        time.sleep(0.15)


@contextmanager
def shop_window() -> Generator[tuple[EmbeddedClient, Browser]]:
    """A shop that is served, and a browser that is logged in."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium is not None, "apt-get install chromium"
    assert driver is not None, "apt-get install chromium-driver"
    listener = listen("127.0.0.1", 0)
    with app.open("shop.db") as client:
        gateway = Gateway(client, token=TOKEN)
        serving = Serving(gateway, listener)
        serving.start()
        window = start(chromium, driver)
        try:
            base = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            browser = Browser(window, base)
            browser.open(f"#login={gateway.access.new_link(OWNER)}")
            browser.see("h1", "Overview")
            yield client, browser
        finally:
            window.quit()
            serving.stop()


def keep(browser: Browser, name: str) -> None:
    """Write what is in sight."""
    time.sleep(0.6)  # what moves comes to rest
    shot = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    small = shot.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(PICTURES / f"{name}.png", optimize=True)


def entity(browser: Browser) -> None:
    browser.open("#/entities/product/darjeeling?version=14")
    browser.see("[aria-label=State].card", "version 14")
    browser.see(".changes")


def instance(browser: Browser) -> None:
    browser.open("#/instances/order-1023")
    browser.see(".gantt-row", "delivery")
    browser.see(".why", "Signed")


def overview(browser: Browser) -> None:
    browser.open("#/overview")
    browser.see(".measure")


def instances(browser: Browser) -> None:
    browser.open("#/instances?prefix=order-")
    browser.see(".instance-row", "order-1023")


WIDE = (1180, 800)
SHOTS: tuple[tuple[str, Callable[[Browser], None], tuple[int, int], str], ...] = (
    ("overview", overview, (1180, 660), "light"),
    ("entity", entity, (1180, 860), "light"),
    ("entity-dark", entity, (1180, 860), "dark"),
    ("instance", instance, WIDE, "light"),
    ("instances", instances, WIDE, "light"),
    ("phone", entity, (390, 800), "light"),
)


def main() -> None:
    """Make them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with shop_window() as (client, browser):
            furnish(client)
            busy(client, 20)
            for name, look, (width, height), scheme in SHOTS:
                browser.size(width, height, mobile=width < 600)
                browser.prefer(scheme)
                look(browser)
                keep(browser, name)


if __name__ == "__main__":
    main()
