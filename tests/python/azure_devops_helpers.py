"""Drafts, changes and a tracker for the tests against a loopback Azure DevOps."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from orchestration.trackers.azure_devops import AzureDevOpsConfig, AzureDevOpsTracker

from orchestration.http import Patience
from orchestration.trackers.document import Checklist, Document, Paragraph, spans
from orchestration.trackers.protocol import (
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Figures,
)
from orchestration.vendors.base import Context

from .azure_devops_description import undescribed
from .flow_helpers import ROOT
from .loopback import IMPATIENT, serving
from .vendor_azure_devops import ORGANIZATION, PAT, PROJECT, AzureDevOps

DESCRIPTION = ROOT.parent / "shared" / "specs" / "azure-devops-wit-7.1.json"
FIELDS = {
    "score": "Custom.Score",
    "slo_burn": "Custom.SLOBurn",
    "budget_usd": "Custom.Budget",
    "target_maturity": "Custom.Maturity",
    "risk_id": "Custom.Risk",
}
OWNER = "group:default/team-edge"
OWNERS = {OWNER: {"area_path": f"{PROJECT}\\Edge", "assigned_to": "edge@example.com"}}
SETTINGS = {"project": PROJECT, "fields": FIELDS, "owners": OWNERS}
KEY = "paydown-gateway-1a2b3c4d-c1"
FIGURES = Figures(24, 18.2, 5.0, 4500.0)
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)


def draft(key: str = KEY, **changes: Any) -> EpicDraft:
    settings: dict[str, Any] = {
        "key": key,
        "title": "Modernize gateway: score 24",
        "body": (Paragraph(spans("Retries <amplify> load")), Checklist((spans("Time-outs"),))),
        "service_id": "component:default/gateway",
        "service": "gateway",
        "owner": OWNER,
        "due_date": date(2026, 8, 10),
        "figures": FIGURES,
        "current_maturity": "bronze",
        "target_maturity": "silver",
        "band": "promote_to_epic",
        "rubric_hash": "abc",
        "scoring_date": date(2026, 6, 26),
        "risk_ids": ("RISK-7", "RISK-9"),
        "labels": ("incident-modernization", key),
        "project_key": "MOD",
        "opened_at": NOW,
    }
    return EpicDraft(**settings | changes)


def change(change_id: str = "change-0a1b2c3d4e5f", **changes: Any) -> EpicChange:
    body: Document = (Paragraph(spans("Another incident: PD-7")),)
    settings: dict[str, Any] = {
        "change_id": change_id,
        "at": NOW,
        "body": body,
        "figures": Figures(27, 20.0, 8.0, 7200.0),
        "written": FIGURES,
    }
    return EpicChange(**settings | changes)


def tracker_at(url: str, patience: Patience = IMPATIENT, **settings: Any) -> AzureDevOpsTracker:
    config = {"url": f"{url}/{ORGANIZATION}", **SETTINGS, **settings}
    context = Context(environment={"AZURE_DEVOPS_TOKEN": PAT}, patience=patience)
    return AzureDevOpsConfig.model_validate(config).tracker(context)


def opened(tracker: AzureDevOpsTracker, one: EpicDraft | None = None) -> EpicRef:
    one = one or draft()
    ref = tracker.create([one])[one.key]
    assert isinstance(ref, EpicRef), ref
    return ref


def sent(vendor: AzureDevOps) -> list[str]:
    """The requests as `POST wiql`; forgets them."""
    names = [
        f"{request.method} {'/'.join(request.path.split('/_apis/')[1].split('/')[1:2])}"
        for request in vendor.requests
    ]
    vendor.past += vendor.requests
    vendor.requests.clear()
    return names


def comments(vendor: AzureDevOps, ref: EpicRef) -> list[str]:
    return [
        update["fields"]["System.History"]["newValue"]
        for update in vendor.updates[int(ref.id)]
        if "System.History" in update["fields"]
    ]


def fields(vendor: AzureDevOps, ref: EpicRef) -> dict[str, Any]:
    return vendor.items[int(ref.id)]["fields"]


def status(tracker: AzureDevOpsTracker, ref: EpicRef) -> EpicStatus:
    found = tracker.status([ref])[ref.key]
    assert isinstance(found, EpicStatus), found
    return found


@contextmanager
def serving_as_described(vendor: AzureDevOps) -> Generator[str]:
    """As `serving`; whatever a test does, it asks only what the vendor describes."""
    with serving(vendor) as address:
        yield address
    if DESCRIPTION.exists():
        assert list(undescribed(DESCRIPTION, [*vendor.past, *vendor.requests])) == []
