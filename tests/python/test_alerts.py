"""Alerts reach people once, within each channel's limits, and no address of one is ever told."""

from __future__ import annotations

import json
import logging
import smtplib
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from jsonschema import Draft6Validator

from orchestration.alerts import mail, slack, teams, webhook
from orchestration.alerts.channels import Channels, channels_resource, is_configured
from orchestration.alerts.failures import failures_of, owners, run_before
from orchestration.alerts.message import Alert, DeliveryError, Item, fitted
from orchestration.alerts.sensors import alert_sensors
from orchestration.landing import open_landing
from orchestration.settings import Settings
from orchestration.vendors.sync import state_folder

from .flow_helpers import ROOT
from .loopback import Answer, Request, Vendor, serving

PATH = "T0KEN/B0T/verysecret"
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
NASTY = (
    "<!channel> & <https://evil.example|click> *b* _i_ "
    "[x](https://evil.example)\x1b[31m {{DATE(1)}}"
)
# Sources that exist under any circumstances: the first two that are registered.
ONE, TWO = "backstage", "prometheus"


class Hook(Vendor):
    """A webhook as Slack and Teams have it: it takes a POST and answers in plain words."""

    def answer(self, request: Request) -> Answer:
        assert request.method == "POST"
        return Answer("ok")


class _Mailbox(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[str] = []


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
                cast(_Mailbox, self.server).mails.append("".join(lines))
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
    with _Mailbox() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}", server.mails
        server.shutdown()


def alert(count: int = 1, text: str = NASTY) -> Alert:
    items = [Item(f"source{n}", text, "team-a") for n in range(count)]
    return Alert("Stale: pagerduty", items, "What to do", "https://dagster.example/runs/1")


def texts(block: Any) -> str:
    return json.dumps(block, ensure_ascii=False)


# --- what each channel is sent ---------------------------------------------------------------


def test_slack_takes_nothing_in_it_for_markup() -> None:
    shown = texts(slack.payload(alert()))
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;" in shown
    assert "<!channel>" not in shown
    assert "\\u001b" not in shown
    assert "team-a" in shown


@pytest.mark.parametrize(("count", "text"), [(300, "short"), (40, "&" * 5_000), (1, "é" * 90_000)])
def test_slack_stays_within_its_limits_and_says_what_it_left_out(count: int, text: str) -> None:
    body = slack.payload(alert(count, text))
    assert len(body["blocks"]) <= 50
    assert all(
        len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3_000)
        for block in body["blocks"]
    )
    assert sum(len(block["text"]["text"]) for block in body["blocks"]) <= 13_200
    shown = texts(body)
    named = sum(f"*source{n} " in shown for n in range(count))
    assert named >= 1
    if named < count:
        assert f"and {count - named} more" in shown
    assert "What to do" in shown
    assert not any(
        block["text"]["text"].replace(entity, "").count("&")
        for block in body["blocks"]
        for entity in ["&amp;"]
    )


def test_a_text_is_never_cut_within_an_escape() -> None:
    for limit in range(20, 60):
        shown = fitted("a<b&c>" * 30, limit, slack._escaped)
        assert len(shown) <= limit
        plain = shown.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
        assert "&" not in plain


@pytest.mark.parametrize(("count", "text"), [(1, NASTY), (0, ""), (200, "long " * 400)])
def test_the_card_is_valid_and_small_enough(count: int, text: str) -> None:
    body = teams.payload(alert(count, text))
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
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


def test_the_card_shows_outside_text_in_runs_only() -> None:
    card = teams.payload(alert())["attachments"][0]["content"]
    blocks = [element for element in card["body"] if element["type"] == "RichTextBlock"]
    assert len(blocks) == len(card["body"])
    runs = [run for block in blocks for run in block["inlines"]]
    assert all(run["type"] == "TextRun" for run in runs)
    assert any("[x](https://evil.example)" in run["text"] for run in runs)
    assert "{{" not in texts(card)
    assert card["actions"][0]["url"] == "https://dagster.example/runs/1"


def test_an_email_has_one_subject_line_whatever_is_in_the_title() -> None:
    nasty = Alert("Stale\r\nBcc: everybody@example.com", [Item("a", "text\nmore", "team-a")])
    message = mail.compose(nasty, "a@example.com", ["b@example.com"])
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert "a (owner: team-a)\n  text\n  more" in message.get_content()


# --- delivery --------------------------------------------------------------------------------


def test_a_webhook_is_asked_again_after_429_and_500(monkeypatch: pytest.MonkeyPatch) -> None:
    hook, slept = Hook(), []
    hook.faults = {0: "429", 1: "500"}
    with serving(hook) as url:
        webhook.post("X", f"{url}/{PATH}", {"text": "hello"}, slept.append)
    assert [request.body for request in hook.requests] == [{"text": "hello"}] * 3
    assert slept == [2.0, 1.0]


@pytest.mark.parametrize("fault", ["429", "500", "reset", "redirect", "expired", "html"])
def test_what_goes_wrong_is_told_without_the_address(
    fault: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(webhook.time, "sleep", lambda _: None)
    hook = Hook()
    hook.faults = dict.fromkeys(range(9), fault)
    with serving(hook) as url:
        channels = Channels(slack_webhook=f"{url}/{PATH}", teams_webhook=f"{url}/{PATH}")
        outcome = channels.deliver(alert())
    assert set(outcome) == {"slack", "teams"}
    # What a webhook says in its body is of no interest: its status is.
    assert all(bool(problem) == (fault != "html") for problem in outcome.values())
    told = repr(outcome) + caplog.text
    assert PATH not in told
    assert url not in told
    if fault in ("redirect", "expired"):
        assert len(hook.requests) <= 2
        assert "PAYDOWN_SLACK_WEBHOOK" in outcome["slack"] or fault == "redirect"


def test_a_host_that_is_not_there_is_told_without_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook.time, "sleep", lambda _: None)
    outcome = Channels(slack_webhook=f"http://127.0.0.1:9/{PATH}").deliver(alert())
    assert outcome == {"slack": "slack: no answer (ConnectionError), 3 times over"}


def test_an_email_arrives_and_one_channels_fault_stops_no_other() -> None:
    with mailbox() as (url, mails):
        channels = Channels(
            slack_webhook="not an address",
            smtp_url=url,
            alert_email="a@example.com, b@example.com",
        )
        outcome = channels.deliver(alert())
    assert outcome["e-mail"] == ""
    assert "PAYDOWN_SLACK_WEBHOOK is not a web address" in outcome["slack"]
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
def test_an_email_that_is_not_taken_says_why_without_secrets(
    url: str, recipients: str, problem: str
) -> None:
    with mailbox() as (address, _), pytest.raises(DeliveryError, match=problem) as caught:
        mail.send(alert(), url.replace("LOOPBACK", address), recipients)
    assert "verysecret" not in str(caught.value)
    assert "nobody@" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_password_goes_over_an_open_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LOOPBACK", ())
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *_: pytest.fail("it was sent"))
    with mailbox() as (address, _), pytest.raises(DeliveryError, match="no TLS"):
        mail.send(alert(), address.replace("smtp://", "smtp://u:p@"), "a@example.com")


def test_channels_are_switched_on_by_the_environment() -> None:
    assert not is_configured({})
    assert not is_configured({"PAYDOWN_ALERT_EMAIL": "a@example.com"})
    assert is_configured({"PAYDOWN_TEAMS_WEBHOOK": f"https://x/{PATH}"})
    resource = channels_resource({"PAYDOWN_TEAMS_WEBHOOK": f"https://x/{PATH}"})
    assert PATH not in repr(resource)
    for variables, status in [({}, "STOPPED"), ({"PAYDOWN_SMTP_URL": "smtp://x"}, "RUNNING")]:
        for sensor in alert_sensors(Settings.from_environment({}), {}, variables):
            assert sensor.default_status.value == status


# --- stale sources ---------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "landing").mkdir()
    environment = {
        "PAYDOWN_HOME": str(tmp_path / "home"),
        "PAYDOWN_LANDING": str(tmp_path / "landing"),
        "PAYDOWN_SOURCES": f"{ONE},{TWO}",
    }
    return Settings.from_environment(environment)


def journal(settings: Settings, source: str, at: datetime, message: str = "") -> None:
    with open_landing(settings.landing, state_folder(settings), source, at) as landing:
        landing.journal("stopped" if message else "complete", message, 1, at)


class Ticks:
    """The sensor for stale sources, tick after tick with its cursor."""

    def __init__(self, settings: Settings, channels: Channels) -> None:
        self.settings = settings
        self.channels = channels
        self.cursor: str | None = None

    def at(self, now: datetime) -> str:
        *_, sensor = alert_sensors(replace(self.settings, as_of=now), {}, {})
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(
                instance, cursor=self.cursor, resources={"alerts": self.channels}
            )
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return str(result.skip_reason.skip_message if result.skip_reason else "")


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_an_episode_is_told_once_and_once_when_it_is_over(settings: Settings) -> None:
    hook = Hook()
    with serving(hook) as url:
        ticks = Ticks(settings, Channels(slack_webhook=f"{url}/x", teams_webhook=f"{url}/y"))
        journal(settings, ONE, NOW)
        journal(settings, TWO, NOW)
        assert ticks.at(NOW + hours(3)) == "nothing new"
        journal(settings, TWO, NOW + hours(3))
        journal(settings, ONE, NOW + hours(3), "no token <here>")
        assert f"Stale: {ONE}" in ticks.at(NOW + hours(3.1))
        assert len(hook.requests) == 2
        first = texts(hook.requests[0].body)
        assert "no complete sync since 2026-06-26 16:00 UTC" in first
        assert "no token &lt;here&gt;" in first
        assert "team-reliability" in first
        assert "docs/runbooks/stale-source.md" in first
        for more in (3.2, 4, 5):
            assert ticks.at(NOW + hours(more)) == "nothing new"
        # The second goes stale while the first still is: only that is news.
        assert f"Stale: {TWO}" in ticks.at(NOW + hours(6.1))
        assert ONE not in texts(hook.requests[2].body)
        journal(settings, ONE, NOW + hours(7))
        assert f"Fresh again: {ONE}" in ticks.at(NOW + hours(7.1))
        assert ticks.at(NOW + hours(7.2)) == "nothing new"
        # A second episode of the same source is told again.
        assert f"Stale: {ONE}" in ticks.at(NOW + hours(10.5))
    assert len(hook.requests) == 8


def test_a_channel_that_was_down_is_told_later_and_the_others_not_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook.time, "sleep", lambda _: None)
    journal(settings, ONE, NOW)
    journal(settings, TWO, NOW + hours(4))
    slack_hook, teams_hook = Hook(), Hook()
    teams_hook.faults = dict.fromkeys(range(6), "500")
    with serving(slack_hook) as one, serving(teams_hook) as two:
        ticks = Ticks(settings, Channels(slack_webhook=one, teams_webhook=two))
        for tick in range(4):
            ticks.at(NOW + hours(4 + tick / 6))
    assert len(slack_hook.requests) == 1
    assert len(teams_hook.requests) == 3 + 3 + 1


def test_the_first_sync_has_its_time_from_when_it_was_first_seen(settings: Settings) -> None:
    hook = Hook()
    with serving(hook) as url:
        ticks = Ticks(replace(settings, sources=(ONE,)), Channels(slack_webhook=url))
        assert ticks.at(NOW) == "nothing new"
        assert ticks.at(NOW + hours(3)) == "nothing new"
        assert "Stale" in ticks.at(NOW + hours(3.1))
        assert "no sync was complete yet" in texts(hook.requests[0].body)
        # Switched off, it is neither stale nor fresh again.
        ticks.settings = replace(settings, sources=())
        assert ticks.at(NOW + hours(4)) == "nothing new"
    assert len(hook.requests) == 1


def test_a_cursor_that_nobody_can_read_begins_anew(settings: Settings) -> None:
    ticks = Ticks(settings, Channels())
    ticks.cursor = '{"backstage": [1, 2]}'
    assert "no channel is configured" in ticks.at(NOW)


# --- runs ------------------------------------------------------------------------------------


def definitions(broken: list[str]) -> dg.Definitions:
    """A job with a step and a check, which fail where they are named in `broken`."""

    @dg.asset(
        owners=["team:data"],
        check_specs=[dg.AssetCheckSpec("is_whole", asset="numbers")],
    )
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

    return dg.Definitions(
        assets=[numbers], jobs=[dg.define_asset_job("paydown", selection="numbers")]
    )


def run_job(instance: dg.DagsterInstance, broken: list[str]) -> Any:
    job = definitions(broken).resolve_job_def("paydown")
    return job.execute_in_process(instance=instance, raise_on_error=False)


def tell(
    settings: Settings, instance: dg.DagsterInstance, result: Any, channels: Channels
) -> object:
    failed, checks, _ = alert_sensors(settings, {"numbers": "data"}, {})
    event = result.get_run_success_event() if result.success else result.get_run_failure_event()
    context = dg.build_run_status_sensor_context(
        sensor_name="x",
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        resources={"alerts": channels},
    )
    return checks(context) if result.success else failed(context.for_run_failure())


def test_a_failed_run_is_told_with_owner_stale_sources_and_link_but_not_every_hour(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYDOWN_DAGSTER_URL", "https://dagster.example/")
    settings = replace(settings, sources=(ONE,), as_of=NOW)
    journal(settings, ONE, NOW - hours(9))
    hook = Hook()
    with serving(hook) as url, dg.DagsterInstance.ephemeral() as instance:
        channels = Channels(slack_webhook=url)
        first = run_job(instance, ["step"])
        tell(settings, instance, first, channels)
        body = texts(hook.requests[0].body)
        assert "step numbers (owner: data)" in body
        assert "&lt;!channel&gt;" in body
        assert f"*{ONE} (owner: team-reliability)*" in body
        assert f"https://dagster.example/runs/{first.run_id}" in body
        skipped = tell(settings, instance, run_job(instance, ["step"]), channels)
        assert isinstance(skipped, dg.SkipReason)
        tell(settings, instance, run_job(instance, []), channels)
        assert len(hook.requests) == 1
        tell(settings, instance, run_job(instance, ["step"]), channels)
    assert len(hook.requests) == 2


def test_a_check_that_fails_in_a_run_that_ends_well_is_told_too(settings: Settings) -> None:
    hook = Hook()
    settings = replace(settings, sources=())
    with serving(hook) as url, dg.DagsterInstance.ephemeral() as instance:
        channels = Channels(slack_webhook=url)
        result = run_job(instance, ["check"])
        assert result.success
        tell(settings, instance, result, channels)
        body = texts(hook.requests[0].body)
        assert "check is_whole of numbers (owner: data)" in body
        assert "3 lost" in body
        tell(settings, instance, run_job(instance, ["check"]), channels)
        tell(settings, instance, run_job(instance, []), channels)
        assert len(hook.requests) == 1


def test_an_alert_that_cant_be_sent_does_not_fail_the_sensor(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook.time, "sleep", lambda _: None)
    with dg.DagsterInstance.ephemeral() as instance:
        channels = Channels(slack_webhook=f"http://127.0.0.1:9/{PATH}")
        result = run_job(instance, ["step"])
        assert tell(settings, instance, result, channels) is None
        assert isinstance(tell(settings, instance, result, Channels()), dg.SkipReason)


def test_failures_are_those_of_one_run_and_the_run_before_is_found() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first, second = run_job(instance, ["step"]), run_job(instance, ["check"])
        found = failures_of(instance, second.run_id, {})
        assert [one.subject for one in found] == ["check is_whole of numbers"]
        before = run_before(instance, second.dagster_run)
        assert before
        assert before.run_id == first.run_id
        assert run_before(instance, first.dagster_run) is None
    assert owners(definitions([]).assets or []) == {"numbers": "data"}  # ty: ignore
