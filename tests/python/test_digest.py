"""The Friday digest: what it says, and that each channel has it once a week."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from markdown_it import MarkdownIt

from orchestration.alerts.channels import Channels
from orchestration.alerts.message import Alert, mail, slack_message, teams_card
from orchestration.alerts.weekly import send_digest
from orchestration.publish.analyst_copy import published
from orchestration.report.digest import Digest, weekly_digest
from orchestration.settings import Settings

from .digest_sender import send
from .flow_helpers import ROOT, Demo
from .loopback import Answer, Request, Vendor, serving
from .test_report_page import hostile_copy

# Starts processes fast, since it has imported what they need.
FORKS = multiprocessing.get_context("forkserver")
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
    with published(settings) as con:
        digest = weekly_digest(con)
    assert digest.week == "2026-W26"
    headings = list(digest.items)
    assert headings[0] == "Overdue promises"
    assert headings[1] == "1. api-gateway, 24 points"
    assert headings[4] == "4. ledger, 22 points, could be 21 to 24"
    assert sum(heading[0].isdigit() for heading in headings) == 5
    assert "+2 in 7 days (+2 ai_risk" in digest.items[headings[1]]
    assert "https://grafana.tidalpay.example/d/api-gateway/slo" in digest.items[headings[1]]
    assert "api-gateway" in digest.items["Promoted this week"]
    assert "prioritized.yaml" in digest.items["Funded this week"]
    assert len(headings) <= 12


def test_text_from_outside_is_no_markup(demo: Demo, tmp_path: Path) -> None:
    with duckdb.connect(str(hostile_copy(demo.site, tmp_path)), read_only=True) as con:
        digest = weekly_digest(con)
    shown = MarkdownIt("commonmark", {"html": True}).render(digest.markdown)
    for tag in ("<script", "<img", "<a ", "<em", "<strong", "<code", "<ol", "<h3", "<!--"):
        assert tag not in shown
    assert shown.count("<h2>") == len(digest.items)
    assert "@channel" not in digest.markdown.replace("\\@channel", "")
    assert max(map(len, digest.markdown.splitlines())) < 2_000


def test_text_from_outside_is_inert_in_every_channel(demo: Demo, tmp_path: Path) -> None:
    with duckdb.connect(str(hostile_copy(demo.site, tmp_path)), read_only=True) as con:
        digest = weekly_digest(con)
    alert = Alert(digest.title, digest.items)
    blocks = slack_message(alert)["blocks"]
    assert {block["text"]["type"] for block in blocks} == {"plain_text"}
    assert max(len(block["text"]["text"]) for block in blocks) <= 3_000
    card = teams_card(alert)
    assert len(json.dumps(card).encode()) < 28_000
    body = card["attachments"][0]["content"]["body"]
    assert {run["type"] for block in body for run in block["inlines"]} == {"TextRun"}
    letter = mail(alert, "a@example.com", ["b@example.com"])
    assert letter.get_content_type() == "text/plain"
    for text in (json.dumps(blocks), json.dumps(card), letter.get_content()):
        assert "alert(" in text
        assert "\u202e" not in text
        assert "\\u202e" not in text
        assert "x" * 1_000 not in text


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
        path, outcomes = send_digest(settings, channels, "two")
        assert "may have been sent" in outcomes["Slack"]
        assert len(hook.requests) == 1
        assert path.exists()
        assert send_digest(settings, channels, "three", again=True)[1] == {"Slack": "sent"}
    assert len(hook.requests) == 2


def attempt(
    home: Path, address: str, killed_after: float | None = None, *, again: bool = False
) -> str:
    """What a process that sends tells; empty where it is killed first, after so many seconds."""
    here, there = FORKS.Pipe()
    digest = Digest("2026-W26", "Digest", {"Overdue promises": "none"})
    process = FORKS.Process(
        target=send, args=(home, address, digest, there), kwargs={"again": again}
    )
    process.start()
    assert here.poll(60)
    assert here.recv() == "begins"
    if killed_after is not None:
        time.sleep(killed_after)
        process.kill()
    process.join(60)
    return here.recv() if here.poll() else ""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_no_kill_around_sending_sends_twice_or_loses_it(tmp_path: Path, kills: int) -> None:
    """What may have been sent is named: who finds it in no channel sends it with `--again`."""
    FORKS.set_forkserver_preload(["tests.python.digest_sender"])
    rng, seen = random.Random(kills), Counter[str]()
    with serving(hook := Hook(seconds=0.05)) as url:
        assert attempt(tmp_path / "first", f"{url}/first") == "sent"
        started = time.monotonic()
        assert attempt(tmp_path / "calm", f"{url}/calm") == "sent"
        usual = time.monotonic() - started
        for number in range(kills):
            home, address = tmp_path / str(number), f"{url}/{number}"

            def arrived(path: str = f"/{number}") -> int:
                return sum(request.path == path for request in hook.requests)

            first = attempt(home, address, rng.uniform(0, 1.2 * usual))
            by_first = arrived()
            second = attempt(home, address)
            assert arrived() <= 1
            if "may have been sent" in second:
                # Somebody looks in the channel.
                assert first == ""
                if not arrived():
                    assert attempt(home, address, again=True) == "sent"
            assert arrived() == 1
            seen[f"{by_first} arrived, then {second[:20]}"] += 1
    assert sum(seen.values()) == kills
    print(dict(seen))
