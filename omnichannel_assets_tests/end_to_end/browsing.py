"""A real Chromium over the pages of `dagster dev`: found or not, and the few things the tests do on a page."""

from __future__ import annotations

import base64
import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omnichannel_assets_tests.end_to_end.dagster_dev import Site, wait_for

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

FLAGS = ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars")
SIZE = (1600, 1000)


def missing_browser() -> str:
    """Why no page can be looked at, or nothing when Chromium, its driver and selenium are there."""
    if not _chromium() or not shutil.which("chromedriver"):
        return "no Chromium with chromedriver on PATH: the pages are not looked at, the same flow runs through GraphQL"
    return "" if importlib.util.find_spec("selenium") else "selenium is not installed: the pages are not looked at, the same flow runs through GraphQL"


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def open_browser(site: Site, profile: Path) -> Iterator[Pages]:
    """A browser with a profile of its own, closed afterwards."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _chromium() or ""
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=shutil.which("chromedriver") or ""))
    try:
        opened = Pages(driver, site)
        opened.resize(1)
        yield opened
    finally:
        driver.quit()


class Pages:
    """The pages of one Dagster site in one browser."""

    def __init__(self, driver: Chrome, site: Site):
        self.driver = driver
        self.site = site
        self.scale = 1.0

    def open(self, path: str, *expected: str) -> str:
        """Go to a page and wait until it shows some texts; returns everything it shows."""
        self.driver.get(self.site.url(path))
        return self.wait_for_text(*expected)

    def text(self) -> str:
        return self.driver.execute_script("return document.body.innerText")

    def wait_for_text(self, *expected: str) -> str:
        wait_for(f"{expected} on {self.driver.current_url}", lambda: all(part in self.text() for part in expected), seconds=30, pause=0.2)
        return self.text()

    def click(self, label: str) -> None:
        """Press the button or action whose label starts with some text, once there is one that can be pressed."""
        self._press(f"the button {label!r}", f"//*[self::button or self::a][starts-with(normalize-space(.), '{label}')]")

    def click_beside(self, text: str, label: str) -> None:
        """Press a button or link in the table row that holds some text."""
        self._press(f"{label!r} beside {text!r}", f"//tr[.//*[normalize-space(.)='{text}']]//*[self::button or self::a][normalize-space(.)='{label}']")

    def click_icon(self, name: str) -> None:
        """Press the last button with some icon; those of the graph come after those of the navigation."""
        self._press(f"the icon {name}", f"//button[.//*[@aria-label='{name}']]", last=True)

    def _press(self, what: str, path: str, last: bool = False) -> None:
        from selenium.common.exceptions import (
            ElementClickInterceptedException,
            ElementNotInteractableException,
            StaleElementReferenceException,
        )
        from selenium.webdriver.common.by import By

        def pressed() -> bool:
            try:
                found = [element for element in self.driver.find_elements(By.XPATH, path) if element.is_displayed() and element.is_enabled()]
                if found:
                    found[-1 if last else 0].click()
                return bool(found)
            except (ElementClickInterceptedException, ElementNotInteractableException, StaleElementReferenceException):
                return False

        wait_for(what, pressed, seconds=20, pause=0.2)

    def resize(self, scale: float) -> None:
        """Show more of the page on the same 1600 by 1000 picture (``scale`` over 1)."""
        self.scale = scale
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": round(SIZE[0] * scale), "height": round(SIZE[1] * scale), "deviceScaleFactor": 1, "mobile": False}
        )

    def in_view(self, label: str, top: float = 0) -> bool:
        """Whether some text stands inside the window, below ``top``."""
        script = """return [...document.querySelectorAll('*')].some(e => { const r = e.getBoundingClientRect();
            return e.children.length === 0 && e.textContent === arguments[0] && r.width > 0 && r.top > arguments[1] && r.bottom < innerHeight - 10 })"""
        return self.driver.execute_script(script, label, top)

    def places(self, *labels: str) -> list[float]:
        """Where on the screen, from the left, the rightmost text of each label starts (the graph is right of the list of groups)."""
        script = """return arguments[0].map(label => Math.max(...[...document.querySelectorAll('*')]
            .filter(e => e.children.length === 0 && e.textContent === label).map(e => e.getBoundingClientRect().left)))"""
        return self.driver.execute_script(script, list(labels))

    def show(self, label: str) -> None:
        """Scroll until some text is in the middle of the window."""
        script = "[...document.querySelectorAll('*')].filter(e => e.children.length === 0 && e.textContent === arguments[0])[0].scrollIntoView({block: 'center'})"
        self.driver.execute_script(script, label)

    def drag_down(self, pixels: int) -> None:
        """Move the graph down, by a free place near its left edge."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).move_by_offset(150, 300).click_and_hold().move_by_offset(0, pixels).release().perform()

    def wait_for_rest(self, label: str) -> None:
        """Until some text of the graph has stopped moving: three looks in a row find it in one place."""
        seen: list[object] = []

        def rests() -> bool:
            seen.append(self.places(label))
            return len(seen) > 3 and seen[-1] == seen[-2] == seen[-3]

        wait_for(f"{label} to rest", rests, seconds=20, pause=0.2)

    def picture(self, path: Path, part: tuple[int, int, int, int] | None = None) -> None:
        """Save what the page shows, 1600 by 1000, once it shows the same a few times in a row (colours and dialogs come softly and late).

        ``part`` (left, top, width, height) saves that part alone, as wide as the whole would be.
        """
        left, top, width, height = part or (0, 0, round(SIZE[0] * self.scale), round(SIZE[1] * self.scale))
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": SIZE[0] / width}
        taken: list[str] = []

        def rests() -> bool:
            taken.append(self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})["data"])
            return len(taken) > 5 and taken[-1] == taken[-2] == taken[-3]

        wait_for("the page to rest", rests, seconds=30, pause=0.8)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken[-1]))
