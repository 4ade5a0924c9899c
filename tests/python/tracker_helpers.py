"""Drafts, changes, and trackers on loopback servers that are held against their descriptions."""

from __future__ import annotations

import base64
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from orchestration.http import Patience
from orchestration.trackers.protocol import EpicChange, EpicDraft, EpicRef, EpicStatus, Tracker
from orchestration.vendors.azure_devops import AzureDevOpsTrackerConfig
from orchestration.vendors.base import Context
from orchestration.vendors.jira import JiraTrackerConfig

from .described import azure_devops_errors, problems
from .loopback import IMPATIENT, serving
from .vendor_azure_devops import ORGANIZATION, PAT, PROJECT, AzureDevOps
from .vendor_jira import Jira
from .vendor_jira_state import TOKEN, USER

ENVIRONMENT = {"JIRA_USER": USER, "JIRA_TOKEN": TOKEN, "AZURE_DEVOPS_TOKEN": PAT}
SECRETS = (
    TOKEN, PAT, base64.b64encode(f"{USER}:{TOKEN}".encode()).decode(),
    base64.b64encode(f":{PAT}".encode()).decode(),
)  # fmt: skip
NOW = datetime(2026, 6, 26, 12, tzinfo=UTC)
# A busy machine answers slowly.
PATIENCE = replace(IMPATIENT, reply_seconds=30)
KEY = "paydown-gateway-1a2b3c4d-c1"
OWNER = "group:default/team-edge"
REMOTE = ("cloud", "data_center", "azure_devops")
JIRA_FIELDS = {"score": "Debt Score", "budget_usd": "Budget", "target_maturity": "Maturity"}
AZURE_FIELDS = {
    "score": "Custom.Score", "slo_burn": "Custom.SLOBurn", "budget_usd": "Custom.Budget",
    "target_maturity": "Custom.Maturity", "risk_id": "Custom.Risk",
}  # fmt: skip
AZURE_OWNERS = {OWNER: {"area_path": f"{PROJECT}\\Edge", "assigned_to": "edge@example.com"}}
BODY = """## Why

Score **24** of 29, see <script> and [chart](<https://g.example/d?a=1&b=2>)

- [ ] retries back off
"""


def secrets_of(vendor: Jira | AzureDevOps) -> tuple[str, ...]:
    """What its server could echo."""
    if isinstance(vendor, AzureDevOps):
        return SECRETS[1], SECRETS[3]
    return (SECRETS[0], SECRETS[2]) if vendor.is_cloud else SECRETS[:1]


def draft(key: str = KEY, **given: Any) -> EpicDraft:
    epic = EpicDraft(
        key=key,
        title="Modernize gateway to silver",
        body=BODY,
        service_id="component:default/gateway",
        service="gateway",
        owner=OWNER,
        due_date=date(2026, 9, 30),
        score=24,
        slo_burn=14.4,
        estimate_days=5.0,
        budget_usd=4000.0,
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
        body="Two more incidents.",
        score=24 + number,
        slo_burn=20.0,
    )
    return replace(new, **given)


def vendor_of(kind: str, **given: Any) -> Jira | AzureDevOps:
    return (
        AzureDevOps(**given) if kind == "azure_devops" else Jira(is_cloud=kind == "cloud", **given)
    )


def section(vendor: Jira | AzureDevOps, url: str, **given: Any) -> dict[str, Any]:
    """What tracker.yaml says of the vendor."""
    if isinstance(vendor, AzureDevOps):
        defaults = {"project": PROJECT, "fields": AZURE_FIELDS, "owners": AZURE_OWNERS}
        return {"url": f"{url}/{ORGANIZATION}", **defaults, **given}
    deployment = "cloud" if vendor.is_cloud else "data_center"
    defaults = {"deployment": deployment, "project": "MOD", "fields": JIRA_FIELDS}
    return {"url": url, **defaults, **given}


def tracker_at(
    vendor: Jira | AzureDevOps, url: str, patience: Patience = PATIENCE, **given: Any
) -> Any:
    """A tracker that knows nothing yet, as another run has it."""
    kind = AzureDevOpsTrackerConfig if isinstance(vendor, AzureDevOps) else JiraTrackerConfig
    config = kind.model_validate(section(vendor, url, **given))
    return config.tracker(Context(environment=ENVIRONMENT, patience=patience))


@contextmanager
def serving_tracker(
    vendor: Jira | AzureDevOps, patience: Patience = PATIENCE, **given: Any
) -> Generator[Any]:
    with serving(vendor) as url:
        yield tracker_at(vendor, url, patience, **given)


def undescribed(vendor: Jira | AzureDevOps) -> set[str]:
    """What of the requests so far the vendor's description doesn't allow."""
    if isinstance(vendor, AzureDevOps):
        return set(azure_devops_errors(vendor.requests))
    return problems("jira-v3.json" if vendor.is_cloud else "jira-v2.json", vendor.requests)


def opened(tracker: Tracker, epic: EpicDraft | None = None) -> EpicRef:
    """An epic in the tracker."""
    return tracker.create(epic or draft())


def status(tracker: Tracker, ref: EpicRef) -> EpicStatus:
    found = tracker.status([ref])[ref.key]
    assert isinstance(found, EpicStatus), found
    return found


def asked(vendor: Jira | AzureDevOps) -> list[str]:
    """The requests so far, as `GET /issue/10000` or `POST wiql`; forgets them."""
    if isinstance(vendor, Jira):
        prefix = "/rest/api/3" if vendor.is_cloud else "/rest/api/2"
        lines = [f"{one.method} {one.path.removeprefix(prefix)}" for one in vendor.requests]
    else:
        parts = ((one.method, one.path.split("/_apis/")[1].split("/")) for one in vendor.requests)
        lines = [f"{method} {'/'.join(part[1:2])}" for method, part in parts]
    vendor.requests.clear()
    return lines


def comments(vendor: Jira | AzureDevOps, ref: EpicRef) -> list[str]:
    """Of an epic, as text with markup."""
    if isinstance(vendor, Jira):
        return [str(one["body"]) for one in vendor.issues[ref.id].comments]
    return [
        update["fields"]["System.History"]["newValue"]
        for update in vendor.updates[int(ref.id)]
        if "System.History" in update["fields"]
    ]


def fields(vendor: Jira | AzureDevOps, ref: EpicRef) -> dict[str, Any]:
    if isinstance(vendor, Jira):
        return vendor.issues[ref.id].fields
    return vendor.items[int(ref.id)]["fields"]


def numbers(vendor: Jira | AzureDevOps, ref: EpicRef) -> tuple[Any, Any]:
    """Score and burn as the fields hold them; an empty one is None."""
    names = ("customfield_10202", "customfield_10201")
    if isinstance(vendor, AzureDevOps):
        names = ("Custom.Score", "Custom.SLOBurn")
    held = fields(vendor, ref)
    score, burn = (held.get(name) if held.get(name) != "" else None for name in names)
    return score, burn
