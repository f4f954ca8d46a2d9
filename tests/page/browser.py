"""A browser that looks at the page as people do: it waits for what it is told to see."""

# Selenium leaves some arguments without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")

SECONDS = 20.0
"""How long something may take to be seen on a busy machine."""

_NOT_YET = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
_WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
addEventListener("error", (event) => window.violations.push(`error ${event.message}`));
addEventListener("unhandledrejection", (event) =>
  window.violations.push(`rejection ${event.reason?.message ?? event.reason}`));
"""
"""Before the page's scripts run: take note of all that the policy forbids, and of errors."""


def start(chromium: str, driver: str) -> webdriver.Chrome:
    """A Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.add_argument("--hide-scrollbars")
    options.add_argument("--lang=en")
    started = webdriver.Chrome(options=options, service=Service(driver))
    return started


def words(element: WebElement) -> str:
    """The text of an element in one line."""
    return " ".join(element.text.split())


class Browser:
    """One window at the page."""

    def __init__(self, driver: webdriver.Chrome, base: str) -> None:
        self.driver = driver
        self.base = base
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)

    def open(self, fragment: str = "") -> None:
        """Go to a view; the page itself is loaded only when it is not there."""
        self.driver.get(self.base + fragment)

    def afresh(self, fragment: str = "") -> None:
        """Load the page anew."""
        self.driver.get("about:blank")
        self.open(fragment)

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """What *look* finds, as soon as it finds something."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                found = look()
                if found:
                    return found
            except _NOT_YET:
                pass
            if time.monotonic() > deadline:
                msg = f"{what} was not to be seen; the page says:\n{self.text()[:3000]}"
                raise AssertionError(msg)
            time.sleep(0.03)

    def text(self, css: str = "body") -> str:
        """The text of the first that fits; empty when there is none."""
        found = self.all(css)
        return found[0].text if found else ""

    def all(self, css: str) -> list[WebElement]:
        """All that fit, in sight or not."""
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def see(self, css: str, text: str = "") -> WebElement:
        """The first in sight that fits and says *text*."""

        def look() -> WebElement | None:
            fitting = (e for e in self.all(css) if e.is_displayed() and text in words(e))
            return next(fitting, None)

        return self.until(look, f"{css} {text!r}")

    def gone(self, css: str, text: str = "") -> None:
        """Wait until nothing in sight fits."""

        def look() -> bool:
            return not any(e.is_displayed() and text in words(e) for e in self.all(css))

        self.until(look, f"no {css} {text!r}")

    def click(self, css: str, text: str = "") -> None:
        """Click on the first that fits."""

        def act() -> bool:
            self.see(css, text).click()
            return True

        self.until(act, f"a {css} {text!r} to click on")

    def fill(self, css: str, text: str) -> None:
        """Write into a field, in place of what is there."""
        field = self.see(css)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE)
        field.send_keys(text)

    def choose(self, css: str, value: str) -> None:
        """Choose an entry of a selection."""
        self.click(f"{css} option[value='{value}']")

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def script(self, code: str, *arguments: Any) -> Any:
        """Run some JavaScript, as the developer's tools do."""
        return self.driver.execute_script(code, *arguments)

    def module(self, path: str, expression: str) -> Any:
        """What an *expression* over one of the page's ``module`` comes to."""
        code = (
            "const done = arguments[arguments.length - 1];"
            f"import('{self.base}page/{path}').then((module) => done({expression}));"
        )
        return self.promised(code)

    def promised(self, code: str, *arguments: Any) -> Any:
        """What some JavaScript gives to the function that is its last argument."""
        return self.driver.execute_async_script(code, *arguments)

    def devtools(self, command: str, **arguments: Any) -> Any:
        """Ask the browser itself for something."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def size(self, width: int, height: int, *, mobile: bool = False, scale: float = 1) -> None:
        """Have a screen of this size."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )

    def prefer(self, scheme: str) -> None:
        """Have a system that prefers dark or light."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def picture(self, path: Path) -> None:
        """Keep what is in sight as a PNG."""
        self.driver.save_screenshot(str(path))

    @property
    def fragment(self) -> str:
        """Where it is."""
        return str(self.script("return location.hash"))

    @property
    def violations(self) -> list[str]:
        """What the policy forbade, and errors, since the page was loaded."""
        found: list[str] = self.script("return window.violations ?? []")
        return found
