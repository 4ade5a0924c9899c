"""The BI starter in Superset itself: imported, each chart's query run, and none shows a fault."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Response

from .browser import chromium, needs_chromium
from .flow_helpers import ROOT, Demo

CHARTS = len(list((ROOT / "bi" / "superset" / "bundle" / "charts").glob("*.yaml")))
pytestmark = [
    needs_chromium,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not (ROOT / ".venv-bi" / "ready").exists(), reason="needs Superset (make .venv-bi/ready)"
    ),
]


@contextmanager
def superset(demo: Demo, home: Path) -> Generator[tuple[str, str]]:
    """Superset over the demo's published copy: its address and the password of `admin`."""
    home.mkdir()
    (home / "published").symlink_to(demo.site.home / "published")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [ROOT / "bi" / "superset" / "start.sh"],
        env=os.environ | {"PAYDOWN_HOME": str(home), "PAYDOWN_BI_PORT": str(port)},
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 1500
        while time.monotonic() < deadline and server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                time.sleep(1)
        assert server.poll() is None, (home / "bi" / "setup.log").read_text("utf-8")[-2_000:]
        yield address, (home / "bi" / "password").read_text("utf-8").strip()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_superset_imports_the_bundle_and_answers_every_chart(demo: Demo, tmp_path: Path) -> None:
    answers: list[tuple[int, int]] = []
    with superset(demo, tmp_path / "home") as (address, password), chromium() as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 2600})
        page.goto(f"{address}/login/")
        page.locator("input[name=username], #username").first.fill("admin")
        page.locator("input[name=password], #password").first.fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/login" not in url, timeout=60_000)

        def note(response: Response) -> None:
            if "/api/v1/chart/data" in response.url:
                rows = [one["rowcount"] for one in response.json().get("result", [])]
                answers.append((response.status, sum(rows)))

        page.on("response", note)
        page.goto(f"{address}/superset/dashboard/paydown/")
        deadline = time.monotonic() + 180
        while len(answers) < CHARTS and time.monotonic() < deadline:
            page.mouse.wheel(0, 600)
            page.wait_for_timeout(500)
        faults = page.locator("[data-test=error-message], .ant-alert-error").all_inner_texts()
    assert faults == []
    assert len(answers) >= CHARTS
    assert {status for status, _ in answers} == {200}
    assert min(rows for _, rows in answers) > 0
