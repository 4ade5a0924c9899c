"""Debian's Chromium, driven by playwright, for tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs chromium (apt-get install chromium)"
)


@contextmanager
def chromium() -> Generator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, address: Path | str, **context: Any) -> Generator[Page]:
    """The page at the address; fails where the browser has anything to say, or asks for more."""
    said: list[str] = []
    asked: list[str] = []
    url = address.as_uri() if isinstance(address, Path) else address
    view = browser.new_context(**context)
    page = view.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(url)
        yield page
        assert said == []
        assert [
            one
            for one in asked
            if not one.startswith(("data:", url.split("?")[0].rsplit("/", 1)[0]))
        ] == []
        if isinstance(address, Path):
            assert [one for one in asked if not one.startswith("data:")] == [url]
    finally:
        view.close()
