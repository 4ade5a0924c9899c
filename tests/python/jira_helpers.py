"""Epics, and trackers on a loopback Jira."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from orchestration.trackers.jira import JiraConfig, JiraTracker

from orchestration.http import Patience
from orchestration.trackers.document import Checklist, Heading, Paragraph, Span, Table, spans
from orchestration.trackers.protocol import EpicChange, EpicDraft, EpicRef, EpicStatus, Figures

from .loopback import IMPATIENT, serving
from .vendor_jira import Jira
from .vendor_jira_state import TOKEN, USER

ENVIRONMENT = {"JIRA_USER": USER, "JIRA_TOKEN": TOKEN}
NOW = datetime(2026, 6, 26, 12, tzinfo=UTC)
FIGURES = Figures(score=24, slo_burn=14.4, estimate_days=5.0, budget_usd=4000.0)
FIELDS = {"score": "Debt Score", "budget_usd": "Budget", "target_maturity": "Maturity"}


def settings(url: str, vendor: Jira, **given: Any) -> JiraConfig:
    deployment = "cloud" if vendor.is_cloud else "data_center"
    defaults = {"url": url, "deployment": deployment, "project": "MOD", "fields": FIELDS}
    return JiraConfig.model_validate(defaults | given)


@contextmanager
def jira(vendor: Jira, patience: Patience = IMPATIENT, **given: Any) -> Generator[JiraTracker]:
    with serving(vendor) as url:
        yield JiraTracker(settings(url, vendor, **given), ENVIRONMENT, patience)


def draft(key: str = "paydown-pay-c1", **given: Any) -> EpicDraft:
    body = (
        Heading("Why"),
        Paragraph((Span("Score "), Span("24", is_strong=True), *spans(" of 29"))),
        Table(("Factor", "Points"), ((spans("slo_burn"), spans("5")),)),
        Checklist((spans("retries back off"),)),
    )
    epic = EpicDraft(
        key=key,
        title="Modernize pay to silver: score 24",
        body=body,
        service_id=f"default/component/{key}",
        service="pay",
        owner="team-payments",
        due_date=date(2026, 9, 30),
        figures=FIGURES,
        current_maturity="bronze",
        target_maturity="silver",
        band="promote_to_epic",
        rubric_hash="r1",
        scoring_date=date(2026, 6, 26),
        risk_ids=("RISK-7",),
        labels=("incident-modernization", key),
        project_key="",
        opened_at=NOW,
    )
    return replace(epic, **given)


def drafts(count: int) -> list[EpicDraft]:
    return [draft(f"paydown-s{number:03}-c1") for number in range(count)]


def change(number: int = 1, **given: Any) -> EpicChange:
    new = EpicChange(
        change_id=f"change-{number:012}",
        at=NOW,
        body=(Paragraph(spans("Two more incidents.")),),
        figures=replace(FIGURES, score=25),
        written=FIGURES,
    )
    return replace(new, **given)


def opened(tracker: JiraTracker, epic: EpicDraft | None = None) -> EpicRef:
    """An epic in Jira."""
    epic = epic or draft()
    ref = tracker.create([epic])[epic.key]
    assert isinstance(ref, EpicRef), ref
    return ref


def states_of(outcomes: Any) -> dict[str, EpicStatus]:
    assert all(isinstance(one, EpicStatus) for one in outcomes.values()), outcomes
    return outcomes


def refs_of(outcomes: Any) -> list[EpicRef]:
    assert all(isinstance(one, EpicRef) for one in outcomes.values()), outcomes
    return list(outcomes.values())


def only(vendor: Jira) -> Any:
    """The one issue that there is."""
    (issue,) = vendor.issues.values()
    return issue


def asked(vendor: Jira) -> list[str]:
    """The requests so far, as `GET /issue/10000`; forgets them."""
    prefix = "/rest/api/3" if vendor.is_cloud else "/rest/api/2"
    lines = [f"{one.method} {one.path.removeprefix(prefix)}" for one in vendor.requests]
    vendor.requests.clear()
    return lines
