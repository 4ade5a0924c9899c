"""The Friday digest: what it says, and that each channel has it once a week."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from orchestration.alerts.channels import Channels
from orchestration.alerts.weekly import send_digest
from orchestration.report.digest import weekly_digest
from orchestration.settings import Settings

from .flow_helpers import ROOT, Demo
from .loopback import Answer, Request, Vendor, serving
from .test_report_page import hostile_copy

# Sends by the one channel of the environment.
SENDER = """
from orchestration.alerts.channels import Channels
from orchestration.alerts.weekly import send_digest
from orchestration.settings import Settings
import os
send_digest(Settings.from_environment(), Channels(slack_webhook=os.environ["HOOK"]), "run")
"""


class Hook(Vendor):
    """A webhook that is slow, and refuses as often as it is told to."""

    def __init__(self, refusals: int = 0, seconds: float = 0) -> None:
        super().__init__()
        self.refusals, self.seconds = refusals, seconds

    def answer(self, request: Request) -> Answer:
        time.sleep(self.seconds)
        self.refusals -= 1
        return Answer("busy", 503) if self.refusals >= 0 else Answer("ok")


@pytest.fixture
def settings(demo: Demo, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    (home / "published" / "current").mkdir(parents=True)
    shutil.copy(demo.site.published, home / "published" / "current" / "paydown.duckdb")
    return Settings.from_environment({"PAYDOWN_HOME": str(home)})


def test_it_says_who_leads_what_was_promised_and_what_is_due(settings: Settings) -> None:
    digest = weekly_digest(settings.published_database)
    assert digest.week == "2026-W26"
    headings = list(digest.items)
    assert headings[0] == "Overdue promises"
    assert headings[1] == "1. api-gateway, 24 points"
    assert sum(heading[0].isdigit() for heading in headings) == 5
    assert "+2 in 7 days (+2 ai_risk" in digest.items[headings[1]]
    assert "https://grafana.tidalpay.example/d/api-gateway/slo" in digest.items[headings[1]]
    assert "api-gateway" in digest.items["Promoted this week"]
    assert "prioritized.yaml" in digest.items["Funded this week"]
    assert len(headings) <= 12


def test_text_from_outside_is_no_markup(demo: Demo, tmp_path: Path) -> None:
    digest = weekly_digest(hostile_copy(demo.site, tmp_path))
    shown = MarkdownIt("commonmark", {"html": True}).render(digest.markdown)
    for tag in ("<script", "<img", "<a ", "<em", "<strong", "<code", "<ol", "<h3", "<!--"):
        assert tag not in shown
    assert shown.count("<h2>") == len(digest.items)
    assert "@channel" not in digest.markdown.replace("\\@channel", "")
    assert max(map(len, digest.markdown.splitlines())) < 2_000


def test_each_channel_has_it_once_a_week(settings: Settings) -> None:
    hook, teams = Hook(refusals=1), Hook()
    with serving(hook) as slack_url, serving(teams) as teams_url:
        channels = Channels(slack_webhook=f"{slack_url}/a", teams_webhook=f"{teams_url}/b")
        path, first = send_digest(settings, channels, "one")
        assert first == {"Slack": "Slack: answered 503", "Teams": "sent"}
        _, second = send_digest(settings, channels, "two")
        assert second == {"Slack": "sent", "Teams": "was sent before"}
        _, third = send_digest(settings, channels, "three", again=True)
        assert set(third.values()) == {"was sent before"}
    assert (len(hook.requests), len(teams.requests)) == (2, 1)
    assert path.read_text(encoding="utf-8").startswith("# Modernization digest, week 26 of 2026")
    blocks = hook.requests[-1].body["blocks"]
    assert len(blocks) < 50
    assert sum(len(json.dumps(block)) for block in blocks) < 13_200


def test_a_run_that_is_killed_while_it_sends_sends_nothing_twice(settings: Settings) -> None:
    hook = Hook(seconds=1)
    with serving(hook) as url:
        environment = {**os.environ, "PAYDOWN_HOME": str(settings.home), "HOOK": f"{url}/a"}
        process = subprocess.Popen([sys.executable, "-c", SENDER], cwd=ROOT, env=environment)
        deadline = time.monotonic() + 60
        while not hook.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert len(hook.requests) == 1
        channels = Channels(slack_webhook=f"{url}/a")
        path, told = send_digest(settings, channels, "two")
        assert "may have been sent" in told["Slack"]
        assert len(hook.requests) == 1
        assert path.exists()
        assert send_digest(settings, channels, "three", again=True)[1] == {"Slack": "sent"}
    assert len(hook.requests) == 2
