"""Alerts reach people once, within each channel's limits, and no address of one is ever shown."""

from __future__ import annotations

import json
import logging
import smtplib
import socketserver
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from jsonschema import Draft6Validator

from orchestration.alerts import channels as channels_module
from orchestration.alerts.channels import VARIABLES, Channels
from orchestration.alerts.message import Alert, mail, slack_message, teams_card
from orchestration.components.resources import Workspace, from_variables
from orchestration.defs.alerts.definitions import alert_sensor

from .fake_sources import journal
from .flow_helpers import ROOT
from .loopback import Answer, Request, Vendor, serving

PATH = "T0KEN/B0T/verysecret"
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
NASTY = (
    "<!channel> & <https://evil.example|click> *b* _i_ "
    "[x](https://evil.example)\x1b[31m {{DATE(1)}}"
)
ONE, TWO = "backstage", "prometheus"


class Hook(Vendor):
    """A webhook as Slack and Teams have it: it takes a POST and answers in plain words."""

    def answer(self, request: Request) -> Answer:
        assert request.method == "POST"
        return Answer("ok")


class _Session(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs to leave an e-mail."""

    def handle(self) -> None:
        self.wfile.write(b"220 loopback\r\n")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text.decode())
                self.server.mails.append(  # ty: ignore
                    "".join(lines)
                )
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            elif verb == b"RCPT" and b"nobody@" in line:
                self.wfile.write(b"550 no such user nobody@example.com\r\n")
            else:
                self.wfile.write(b"250 loopback\r\n")


@contextmanager
def mailbox() -> Generator[tuple[str, list[str]]]:
    """The address of an SMTP server, and the e-mails left there."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        mails: list[str] = []
        server.mails, server.daemon_threads = mails, True  # ty: ignore
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", mails
        server.shutdown()


def alert(count: int = 1, text: str = NASTY) -> Alert:
    items = {f"source{n}": text for n in range(count)}
    return Alert("Stale: pagerduty", items, "Do this", "https://dagster.example/runs")


def as_json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


# --- what each channel is sent ---------------------------------------------------------------


def test_no_channel_takes_text_for_markup() -> None:
    slack = slack_message(replace(alert(), title=NASTY))
    kinds = {block["text"]["type"] for block in slack["blocks"] if "text" in block}
    assert kinds == {"plain_text"}
    assert slack["blocks"][-1]["elements"][0]["url"] == "https://dagster.example/runs"
    assert "<!channel>" not in slack["text"]
    assert "\\u001b" not in as_json(slack)
    card = teams_card(alert())["attachments"][0]["content"]
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert any("[x](https://evil.example)" in run["text"] for run in runs)
    assert "{{" not in as_json(card)
    assert card["actions"][0]["url"] == "https://dagster.example/runs"
    nasty = Alert("Stale\r\nBcc: everybody@example.com", {"a": "owner: team-a\nmore"})
    message = mail(nasty, "a@example.com", ["b@example.com"])
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert "a\n  owner: team-a\n  more" in message.get_content()


@pytest.mark.parametrize(("count", "text"), [(300, "short"), (40, "&" * 5_000), (1, "é" * 90_000)])
def test_messages_stay_within_limits_and_say_what_they_left_out(count: int, text: str) -> None:
    blocks = [block for block in slack_message(alert(count, text))["blocks"] if "text" in block]
    lengths = [len(block["text"]["text"]) for block in blocks]
    assert len(blocks) < 50
    assert (lengths[0] <= 150, max(lengths) <= 3_000, sum(lengths) <= 13_200) == (True,) * 3
    shown = as_json(blocks)
    named = sum(f'"source{n}\\n' in shown for n in range(count))
    assert named >= 1
    assert named == count or f"and {count - named} more" in shown
    assert "What to do" in shown
    assert len(json.dumps(teams_card(alert(count, text))).encode()) < 28_000


@pytest.mark.parametrize("count", [0, 1, 200])
def test_the_card_is_valid(count: int) -> None:
    content = teams_card(alert(count))["attachments"][0]["content"]
    specs = ROOT.parent / "shared" / "specs" / "adaptive-card-1.5.0.json"
    if not specs.exists():
        pytest.skip("the schema of Adaptive Cards is not beside the project")
    schema = json.loads(specs.read_text(encoding="utf-8"))
    card = {"$ref": "#/definitions/AdaptiveCard", "definitions": schema["definitions"]}
    assert list(Draft6Validator(card).iter_errors(content)) == []
    assert list(Draft6Validator(card).iter_errors({**content, "body": [{"type": "No"}]}))


# --- delivery --------------------------------------------------------------------------------


def delivered(channels: Channels) -> dict[str, str]:
    return {name: channels.deliver(name, alert()) for name in channels.senders}


@pytest.mark.parametrize("fault", ["429", "500", "reset", "expired"])
def test_what_goes_wrong_is_reported_without_the_address(
    fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook = Hook()
    hook.faults = dict.fromkeys(range(9), fault)
    with serving(hook) as url:
        outcome = delivered(Channels(slack_webhook=f"{url}/{PATH}", teams_webhook=f"{url}/{PATH}"))
    assert set(outcome) == {"Slack", "Teams"}
    assert all(outcome.values())
    assert PATH not in repr(outcome) + caplog.text
    assert url not in repr(outcome)
    assert (fault == "expired") == ("PAYDOWN_SLACK_WEBHOOK" in outcome["Slack"])


def test_an_email_arrives_and_one_channels_failure_stops_no_other() -> None:
    with mailbox() as (url, mails):
        channels = Channels(
            slack_webhook="not an address",
            teams_webhook=f"http://127.0.0.1:9/{PATH}",
            smtp_url=url,
            alert_email="a@example.com, b@example.com",
        )
        outcome = delivered(channels)
    assert outcome["e-mail"] == ""
    assert "PAYDOWN_SLACK_WEBHOOK is not a web address" in outcome["Slack"]
    assert outcome["Teams"] == "Teams: not sent (ConnectionError)"
    (text,) = mails
    assert "Subject: paydown: Stale: pagerduty" in text
    assert "To: a@example.com, b@example.com" in text


@pytest.mark.parametrize(
    ("url", "recipients", "problem"),
    [
        ("http://x", "a@example.com", "PAYDOWN_SMTP_URL"),
        ("smtp://127.0.0.1:9", "", "PAYDOWN_ALERT_EMAIL"),
        (f"smtp://user:{PATH.replace('/', '')}@127.0.0.1:9", "a@example.com", "not sent"),
        ("smtp://LOOPBACK", "a@example.com, nobody@example.com", "1 of 2 recipients"),
        ("smtp://LOOPBACK", "nobody@example.com", "not sent"),
        ("smtp://u:verysecret@LOOPBACK", "a@example.com", "no TLS"),
    ],
)
def test_an_email_that_is_rejected_says_why_without_secrets(
    monkeypatch: pytest.MonkeyPatch, url: str, recipients: str, problem: str
) -> None:
    monkeypatch.setattr(channels_module, "LOOPBACK", ())
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *_: pytest.fail("the password was sent"))
    with mailbox() as (address, _):
        own = url.replace("LOOPBACK", address.removeprefix("smtp://"))
        outcome = Channels(smtp_url=own, alert_email=recipients).deliver("e-mail", alert())
    assert problem in outcome
    assert "verysecret" not in outcome
    assert "nobody@" not in outcome


def test_channels_are_switched_on_by_the_environment() -> None:
    fields = from_variables(VARIABLES, {"PAYDOWN_TEAMS_WEBHOOK": f"https://x/{PATH}"})
    assert set(fields) == {"teams_webhook"}
    assert PATH not in repr(Channels(**fields))
    statuses = {on: alert_sensor(on).default_status.value for on in (False, True)}
    assert statuses == {False: "STOPPED", True: "RUNNING"}


# --- when ------------------------------------------------------------------------------------


def definitions(*broken: str) -> dg.Definitions:
    """A job with a step and a check, which fail where they are named in `broken`."""

    @dg.asset(owners=["team:data"], check_specs=[dg.AssetCheckSpec("is_whole", asset="numbers")])
    def numbers() -> Any:
        if "step" in broken:
            raise ValueError(NASTY)
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(passed="check" not in broken, metadata={"problem": "3 lost"})

    jobs = [dg.define_asset_job("paydown", selection="numbers")]
    return dg.Definitions(assets=[numbers], jobs=jobs)


@dataclass
class Ticks:
    """The sensor tick after tick with its cursor, over a home whose sources are `sources`."""

    home: Path
    instance: dg.DagsterInstance
    hook: Hook
    channels: Channels
    sources: str = f"{ONE},{TWO}"
    cursor: str | None = None

    def workspace(self, hours: float) -> Workspace:
        now = NOW + timedelta(hours=hours)
        return Workspace(home=str(self.home), as_of=now.isoformat(), sources=self.sources)

    def at(self, hours: float = 0) -> str:
        """What the tick says that comes so many hours after `NOW`."""
        resources = {"alerts": self.channels, "workspace": self.workspace(hours)}
        repository = definitions().get_repository_def()
        with dg.build_sensor_context(
            self.instance, cursor=self.cursor, resources=resources, repository_def=repository
        ) as context:
            result = cast(dg.SensorResult, alert_sensor(is_configured=True)(context))
        self.cursor = result.cursor or self.cursor
        return str(result.skip_reason.skip_message if result.skip_reason else "")

    def journal(self, source: str, hours: float, message: str = "") -> None:
        at = NOW + timedelta(hours=hours)
        journal(self.workspace(hours).settings(), source, at, message)

    def run(self, *broken: str) -> None:
        job = definitions(*broken).resolve_job_def("paydown")
        job.execute_in_process(instance=self.instance, raise_on_error=False)


@pytest.fixture
def ticks(tmp_path: Path) -> Iterator[Ticks]:
    """A sensor with one Slack webhook."""
    hook = Hook()
    with serving(hook) as url, dg.DagsterInstance.ephemeral() as instance:
        channels = Channels(slack_webhook=url, dagster_url="https://dagster.example/")
        yield Ticks(tmp_path / "home", instance, hook, channels)


def test_an_episode_is_reported_once_and_once_when_it_is_over(ticks: Ticks) -> None:
    ticks.channels = Channels(
        slack_webhook=ticks.channels.slack_webhook, teams_webhook=ticks.channels.slack_webhook
    )
    requests = ticks.hook.requests
    for source in (ONE, TWO):
        ticks.journal(source, 0)
    assert ticks.at(3) == "nothing new"
    ticks.journal(TWO, 3)
    ticks.journal(ONE, 3, "no token <here>")
    assert f"Problem: stale source {ONE}" in ticks.at(3.1)
    assert len(requests) == 2
    first = as_json(requests[0].body)
    for words in (
        "complete up to 2026-06-26 16:00 UTC, 3 h ago", "no token <here>", "team-reliability",
        "docs/operations.md",
    ):  # fmt: skip
        assert words in first
    assert {ticks.at(hours) for hours in (3.2, 4, 5)} == {"nothing new"}
    # The second goes stale while the first still is: only that is new.
    assert f"Problem: stale source {TWO}" in ticks.at(6.1)
    assert ONE not in as_json(requests[2].body)
    ticks.journal(ONE, 7)
    assert f"Solved: stale source {ONE}" in ticks.at(7.1)
    assert ticks.at(7.2) == "nothing new"
    assert f"Problem: stale source {ONE}" in ticks.at(10.5)
    assert len(requests) == 8


def test_a_channel_that_was_down_gets_the_alert_later_and_the_others_not_again(
    ticks: Ticks,
) -> None:
    ticks.journal(ONE, 0)
    ticks.journal(TWO, 4)
    teams = Hook()
    teams.faults = dict.fromkeys(range(2), "500")
    with serving(teams) as url:
        ticks.channels = Channels(slack_webhook=ticks.channels.slack_webhook, teams_webhook=url)
        for tick in range(4):
            ticks.at(4 + tick / 6)
    assert len(ticks.hook.requests) == 1
    assert len(teams.requests) == 3


def test_the_first_sync_has_its_time_from_when_it_was_first_seen(ticks: Ticks) -> None:
    ticks.sources = ONE
    assert ticks.at() == ticks.at(3) == "nothing new"
    assert "stale source" in ticks.at(3.1)
    assert "no sync was complete yet" in as_json(ticks.hook.requests[0].body)
    # Switched off, it is neither stale nor solved.
    ticks.sources = ""
    assert ticks.at(4) == "nothing new"
    assert len(ticks.hook.requests) == 1


@pytest.mark.parametrize(
    ("broken", "subject", "details"),
    [
        ("step", "step numbers", "<!channel>"),
        ("check", "check is_whole of numbers", "3 lost"),
    ],
)
def test_what_fails_in_a_run_is_reported_once_until_it_passes(
    ticks: Ticks, broken: str, subject: str, details: str
) -> None:
    ticks.sources = ""
    ticks.at()
    ticks.run(broken)
    ticks.hook.faults = {0: "500"}
    assert "answered 500" in ticks.at()
    assert ticks.at() == f"Slack: Problem: {subject}"
    body = as_json(ticks.hook.requests[1].body)
    for words in (f"{subject}\\nowner: data", details, "https://dagster.example/runs"):
        assert words in body
    # Not every hour, until it passes; then again.
    ticks.run(broken)
    assert ticks.at() == "nothing new"
    ticks.run()
    assert ticks.at() == f"Slack: Solved: {subject}"
    ticks.run(broken)
    assert ticks.at() == f"Slack: Problem: {subject}"


@pytest.mark.parametrize("cursor", ['{"backstage": [1, 2]}', "no JSON", "[]"])
def test_a_cursor_that_nobody_can_read_starts_afresh(ticks: Ticks, cursor: str) -> None:
    ticks.cursor = cursor
    assert ticks.at() == "nothing new"
    ticks.channels = Channels()
    assert "no channel is configured" in ticks.at()
