"""Alerts reach people once, within each channel's limits, and no address of one is ever shown."""

from __future__ import annotations

import json
import logging
import smtplib
import socketserver
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from jsonschema import Draft6Validator

from orchestration.alerts import channels as channels_module
from orchestration.alerts.channels import VARIABLES, Channels
from orchestration.alerts.message import (
    Alert,
    Item,
    mail,
    slack_message,
    teams_card,
)
from orchestration.components.resources import (
    LedgerResource,
    SourcesResource,
    TrackerResource,
    WarehouseResource,
    Workspace,
    from_variables,
)
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
    items = [Item(f"source{n}", text, "team-a") for n in range(count)]
    return Alert("Stale: pagerduty", items, "Do this", "https://dagster.example/runs")


def texts(block: Any) -> str:
    return json.dumps(block, ensure_ascii=False)


# --- what each channel is sent ---------------------------------------------------------------


def test_no_channel_takes_text_for_markup() -> None:
    slack = slack_message(replace(alert(), title=NASTY))
    kinds = {block["text"]["type"] for block in slack["blocks"] if "text" in block}
    assert kinds == {"plain_text"}
    assert slack["blocks"][-1]["elements"][0]["url"] == "https://dagster.example/runs"
    assert "<!channel>" not in slack["text"]
    assert "\\u001b" not in texts(slack)
    card = teams_card(alert())["attachments"][0]["content"]
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert any("[x](https://evil.example)" in run["text"] for run in runs)
    assert "{{" not in texts(card)
    assert card["actions"][0]["url"] == "https://dagster.example/runs"
    nasty = Alert("Stale\r\nBcc: everybody@example.com", [Item("a", "text\nmore", "team-a")])
    message = mail(nasty, "a@example.com", ["b@example.com"])
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert "a (owner: team-a)\n  text\n  more" in message.get_content()


@pytest.mark.parametrize(("count", "text"), [(300, "short"), (40, "&" * 5_000), (1, "é" * 90_000)])
def test_slack_stays_within_its_limits_and_says_what_it_left_out(count: int, text: str) -> None:
    blocks = [block for block in slack_message(alert(count, text))["blocks"] if "text" in block]
    lengths = [len(block["text"]["text"]) for block in blocks]
    assert len(blocks) < 50
    assert lengths[0] <= 150
    assert max(lengths) <= 3_000
    assert sum(lengths) <= 13_200
    shown = texts(blocks)
    named = sum(f'"source{n} ' in shown for n in range(count))
    assert named >= 1
    assert named == count or f"and {count - named} more" in shown
    assert "What to do" in shown


@pytest.mark.parametrize(("count", "text"), [(1, NASTY), (0, ""), (200, "long " * 400)])
def test_the_card_is_valid_and_small_enough(count: int, text: str) -> None:
    body = teams_card(alert(count, text))
    (attachment,) = body["attachments"]
    assert len(json.dumps(body).encode()) < 28_000
    specs = ROOT.parent / "shared" / "specs" / "adaptive-card-1.5.0.json"
    if not specs.exists():
        pytest.skip("the schema of Adaptive Cards is not beside the project")
    schema = json.loads(specs.read_text(encoding="utf-8"))
    validator = Draft6Validator(
        {"$ref": "#/definitions/AdaptiveCard", "definitions": schema["definitions"]}
    )
    assert list(validator.iter_errors(attachment["content"])) == []
    assert list(validator.iter_errors({**attachment["content"], "body": [{"type": "No"}]}))


# --- delivery --------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429", "500", "reset", "expired"])
def test_what_goes_wrong_is_reported_without_the_address(
    fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook = Hook()
    hook.faults = dict.fromkeys(range(9), fault)
    with serving(hook) as url:
        channels = Channels(slack_webhook=f"{url}/{PATH}", teams_webhook=f"{url}/{PATH}")
        outcome = {name: channels.deliver(name, alert()) for name in channels.senders}
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
        outcome = {name: channels.deliver(name, alert()) for name in channels.senders}
    assert outcome["e-mail"] == ""
    assert "PAYDOWN_SLACK_WEBHOOK is not a web address" in outcome["Slack"]
    assert outcome["Teams"] == "Teams: no answer (ConnectionError)"
    (text,) = mails
    assert "Subject: paydown: Stale: pagerduty" in text
    assert "To: a@example.com, b@example.com" in text


@pytest.mark.parametrize(
    ("url", "recipients", "problem"),
    [
        ("http://x", "a@example.com", "PAYDOWN_SMTP_URL"),
        ("smtp://127.0.0.1:9", "", "PAYDOWN_ALERT_EMAIL"),
        (f"smtp://user:{PATH.replace('/', '')}@127.0.0.1:9", "a@example.com", "not sent"),
        ("LOOPBACK", "a@example.com, nobody@example.com", "1 of 2 recipients"),
        ("LOOPBACK", "nobody@example.com", "not sent"),
    ],
)
def test_an_email_that_is_rejected_says_why_without_secrets(
    url: str, recipients: str, problem: str
) -> None:
    with mailbox() as (address, _):
        channels = Channels(smtp_url=url.replace("LOOPBACK", address), alert_email=recipients)
        outcome = channels.deliver("e-mail", alert())
    assert problem in outcome
    assert "verysecret" not in outcome
    assert "nobody@" not in outcome


def test_no_password_goes_over_an_open_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels_module, "LOOPBACK", ())
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *_: pytest.fail("it was sent"))
    with mailbox() as (address, _):
        with_password = address.replace("smtp://", "smtp://u:p@")
        channels = Channels(smtp_url=with_password, alert_email="a@example.com")
        assert "no TLS" in channels.deliver("e-mail", alert())


def test_channels_are_switched_on_by_the_environment() -> None:
    fields = from_variables(VARIABLES, {"PAYDOWN_TEAMS_WEBHOOK": f"https://x/{PATH}"})
    assert set(fields) == {"teams_webhook"}
    assert PATH not in repr(Channels(**fields))
    statuses = {on: alert_sensor(on).default_status.value for on in (False, True)}
    assert statuses == {False: "STOPPED", True: "RUNNING"}


# --- when ------------------------------------------------------------------------------------


class Ticks:
    """The sensor tick after tick with its cursor, over a home whose sources are `sources`."""

    def __init__(self, home: Path, instance: dg.DagsterInstance, channels: Channels) -> None:
        self.home, self.instance, self.channels = home, instance, channels
        self.sources = f"{ONE},{TWO}"
        self.cursor: str | None = None
        self.definitions = definitions([])

    def workspace(self, now: datetime) -> Workspace:
        return Workspace(
            home=str(self.home),
            as_of=now.isoformat(),
            sources=SourcesResource(names=self.sources),
            warehouse=WarehouseResource(),
            ledger=LedgerResource(),
            tracker=TrackerResource(),
        )

    def at(self, now: datetime) -> str:
        resources = {"alerts": self.channels, "workspace": self.workspace(now)}
        with dg.build_sensor_context(
            self.instance,
            cursor=self.cursor,
            resources=resources,
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            result = cast(dg.SensorResult, alert_sensor(is_configured=True)(context))
        self.cursor = result.cursor or self.cursor
        return str(result.skip_reason.skip_message if result.skip_reason else "")

    def journal(self, source: str, at: datetime, message: str = "") -> None:
        journal(self.workspace(at).settings(), source, at, message)

    def run(self, *broken: str) -> dg.ExecuteInProcessResult:
        job = definitions(list(broken)).resolve_job_def("paydown")
        return job.execute_in_process(instance=self.instance, raise_on_error=False)


def definitions(broken: list[str]) -> dg.Definitions:
    """A job with a step and a check, which fail where they are named in `broken`."""

    @dg.asset(owners=["team:data"], check_specs=[dg.AssetCheckSpec("is_whole", asset="numbers")])
    def numbers() -> Any:
        if "step" in broken:
            raise ValueError(NASTY)
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(
            check_name="is_whole",
            passed="check" not in broken,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"problem": "3 lost"},
        )

    jobs = [dg.define_asset_job("paydown", selection="numbers")]
    return dg.Definitions(assets=[numbers], jobs=jobs)


@pytest.fixture
def hook() -> Iterator[tuple[Hook, str]]:
    hook = Hook()
    with serving(hook) as url:
        yield hook, url


@pytest.fixture
def ticks(tmp_path: Path, hook: tuple[Hook, str]) -> Iterator[Ticks]:
    """A sensor with one Slack webhook."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(tmp_path / "home", instance, Channels(slack_webhook=hook[1]))


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_an_episode_is_reported_once_and_once_when_it_is_over(
    ticks: Ticks, hook: tuple[Hook, str]
) -> None:
    ticks.channels = Channels(slack_webhook=f"{hook[1]}/x", teams_webhook=f"{hook[1]}/y")
    requests = hook[0].requests
    for source in (ONE, TWO):
        ticks.journal(source, NOW)
    assert ticks.at(NOW + hours(3)) == "nothing new"
    ticks.journal(TWO, NOW + hours(3))
    ticks.journal(ONE, NOW + hours(3), "no token <here>")
    assert f"Problem: stale source {ONE}" in ticks.at(NOW + hours(3.1))
    assert len(requests) == 2
    first = texts(requests[0].body)
    assert "no complete sync since 2026-06-26 16:00 UTC" in first
    assert "no token <here>" in first
    assert "team-reliability" in first
    assert "docs/runbooks/stale-source.md" in first
    for more in (3.2, 4, 5):
        assert ticks.at(NOW + hours(more)) == "nothing new"
    # The second goes stale while the first still is: only that is news.
    assert f"Problem: stale source {TWO}" in ticks.at(NOW + hours(6.1))
    assert ONE not in texts(requests[2].body)
    ticks.journal(ONE, NOW + hours(7))
    assert f"Solved: stale source {ONE}" in ticks.at(NOW + hours(7.1))
    assert ticks.at(NOW + hours(7.2)) == "nothing new"
    assert f"Problem: stale source {ONE}" in ticks.at(NOW + hours(10.5))
    assert len(requests) == 8


def test_a_channel_that_was_down_gets_the_alert_later_and_the_others_not_again(
    ticks: Ticks, hook: tuple[Hook, str]
) -> None:
    ticks.journal(ONE, NOW)
    ticks.journal(TWO, NOW + hours(4))
    teams = Hook()
    teams.faults = dict.fromkeys(range(2), "500")
    with serving(teams) as url:
        ticks.channels = Channels(slack_webhook=hook[1], teams_webhook=url)
        for tick in range(4):
            ticks.at(NOW + hours(4 + tick / 6))
    assert len(hook[0].requests) == 1
    assert len(teams.requests) == 3


def test_the_first_sync_has_its_time_from_when_it_was_first_seen(
    ticks: Ticks, hook: tuple[Hook, str]
) -> None:
    ticks.sources = ONE
    assert ticks.at(NOW) == ticks.at(NOW + hours(3)) == "nothing new"
    assert "stale source" in ticks.at(NOW + hours(3.1))
    assert "no sync was complete yet" in texts(hook[0].requests[0].body)
    # Switched off, it is neither stale nor solved.
    ticks.sources = ""
    assert ticks.at(NOW + hours(4)) == "nothing new"
    assert len(hook[0].requests) == 1


@pytest.mark.parametrize("broken", ["step", "check"])
def test_what_fails_in_a_run_is_reported_once_until_it_passes(
    ticks: Ticks, hook: tuple[Hook, str], broken: str
) -> None:
    ticks.sources = ""
    ticks.channels = Channels(slack_webhook=hook[1], dagster_url="https://dagster.example/")
    ticks.at(NOW)
    ticks.run(broken)
    subject = {"step": "step numbers", "check": "check is_whole of numbers"}[broken]
    hook[0].faults = {0: "500"}
    assert "answered 500" in ticks.at(NOW)
    assert ticks.at(NOW) == f"Slack: Problem: {subject}"
    body = texts(hook[0].requests[1].body)
    assert f"{subject} (owner: data)" in body
    assert ("<!channel>" if broken == "step" else "3 lost") in body
    assert "https://dagster.example/runs" in body
    # Not every hour, until it passes; then again.
    ticks.run(broken)
    assert ticks.at(NOW) == "nothing new"
    ticks.run()
    assert ticks.at(NOW) == f"Slack: Solved: {subject}"
    ticks.run(broken)
    assert ticks.at(NOW) == f"Slack: Problem: {subject}"


@pytest.mark.parametrize("cursor", ['{"backstage": [1, 2]}', "no JSON", "[]"])
def test_a_cursor_that_nobody_can_read_starts_afresh(ticks: Ticks, cursor: str) -> None:
    ticks.cursor = cursor
    assert ticks.at(NOW) == "nothing new"
    ticks.channels = Channels()
    assert "no channel is configured" in ticks.at(NOW)
