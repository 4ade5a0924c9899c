"""A draft of a postmortem says what marts know of an incident, and leaves the rest to people."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.documents.postmortem import read_postmortem

INCIDENTS = """
    create table fct_incidents as
    select
        'pagerduty:' || id as incident_id, id as source_incident_id, number as incident_number,
        'pagerduty' as source_name, service as service_id, cause as causal_service_id,
        service as current_service_id, 'web' as triggered_service_id, review as postmortem_id,
        title as incident_title, 'team-x' as owner, mode as failure_mode, print as fingerprint,
        2 as severity_level, 1800 as active_seconds, 0.18::double as users_share,
        null::double as revenue_impact_usd, 'https://pd.example/' || id as incident_url,
        began::timestamp as triggered_at, null::timestamp as acknowledged_at,
        began::timestamp + interval 30 minute as resolved_at
    from (values
        ('Q1', '7', 'pay', null, 'old', 'Pay is [slow]', 'timeout', 'f', '2026-05-01 10:00'),
        ('Q2', '8', 'pay', 'gw', null, 'Pay "fails": 50 %', null, 'f', '2026-06-01 10:00'),
        ('Q3', '9', 'pay', null, null, 'Other', null, null, '2026-06-02 10:00'),
        ('Q4', '9', 'pay', null, null, 'Another', null, null, '2026-06-03 10:00')
    ) as v(id, number, service, cause, review, title, mode, print, began)
"""
OTHERS = """
    create table dim_services as
    select * from (values ('pay', 'payments'), ('gw', 'gateway'), ('web', 'web'))
        as v(service_id, service_name);
    create table fct_incident_burn as
    select * from (values
        ('pagerduty:Q2', 'pay latency', 'latency', 14.4::double, false),
        ('pagerduty:Q2', 'guessed', 'latency', 99::double, true)
    ) as v(incident_id, slo_name, indicator_kind, burn_rate, is_estimated);
    create table fct_pages as
    select * from (values ('pagerduty:Q2', 'Ann <a@x>'), ('pagerduty:Q2', 'Ann <a@x>'))
        as v(incident_id, responder_name);
    create table fct_action_items as
    select * from (values
        ('old', 'Add *backoff*', 'team-x', '2026-05-20'::date, 'open', 'javascript:alert(1)')
    ) as v(postmortem_id, action_item_title, owner, due_on, action_item_status, ticket_url);
    create table rpt_unreviewed_incidents as
    select 'pagerduty:Q2' as incident_id, 9 as business_days, 4 as days_over;
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    current = tmp_path / "home/published/current"
    current.mkdir(parents=True)
    with duckdb.connect(str(current / "paydown.duckdb")) as con:
        con.execute(INCIDENTS)
        con.execute(OTHERS)
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def new(folder: Path, ref: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["postmortem", "new", ref, "--into", str(folder / "drafts")])
    return done.exit_code, done.output


def test_a_draft_says_what_is_known_and_nothing_else(home: Path) -> None:
    code, said = new(home, "pagerduty:8")
    assert code == 0
    path = home / "drafts" / "8.md"
    [line] = read_postmortem(path)
    assert line.reason is None
    record = json.loads(line.text)
    assert record["incident"] == ["pagerduty:Q2"]
    assert record["title"] == 'Pay "fails": 50 %'
    assert record["services"] == ["gateway", "payments", "web"]
    assert record["owner"] == "team-x"
    assert record["impact"]["users_percent"] == 18
    assert record["impact"]["started_at"] is None
    assert [(slo["name"], slo["burn_rate"]) for slo in record["slos"]] == [("pay latency", 14.4)]
    assert record["failure_mode"] is record["completed_at"] is record["estimate_days"] is None
    text = path.read_text()
    assert "- Triggered: 2026-06-01 10:00 UTC\n- Acknowledged: not known\n" in text
    assert "- Responders: Ann \\<a@x>\n" in text
    assert (
        "- 2026-05-01: Pay is \\[slow\\]: https://pd.example/Q1, postmortem old\n"
        "  - promised: Add \\*backoff\\* (team-x, due 2026-05-20, open)\n"
    ) in text
    assert "javascript" not in text
    wanted = "to fill in: contributing_factors, fix_classes, decision, review_date"
    assert wanted in said
    assert "pagerduty:Q2: its review is 4 business days late" in said


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("7", "7: has a postmortem already: old"),
        ("9", "9: several incidents have that name; name one of pagerduty:Q4, pagerduty:Q3"),
        ("nope", "nope: no loaded incident has that name"),
    ],
)
def test_what_cannot_be_drafted_says_why(home: Path, ref: str, message: str) -> None:
    code, said = new(home, ref)
    assert code == 1
    assert message in " ".join(said.split())
    assert not (home / "drafts").exists()


def test_nothing_is_overwritten(home: Path) -> None:
    new(home, "Q3")
    path = home / "drafts" / "9.md"
    path.write_text("mine")
    code, said = new(home, "Q3")
    assert (code, path.read_text()) == (1, "mine")
    assert "exists already" in " ".join(said.split())
