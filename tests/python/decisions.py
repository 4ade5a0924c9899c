"""One run as the flow makes it, but for the warehouse: refresh, export, decide, act.

The decisions are those of the models, over candidates that a test fills in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from orchestration.epics.publisher import publish_epics
from orchestration.epics.reconcile import Refreshed, refresh
from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run
from orchestration.ledger import export_epics
from orchestration.ledger.export import FILE

from .compiled_models import AS_OF, Warehouse
from .dbt_in_process import Dbt, parse
from .fake_tracker import NOW
from .flow_helpers import ROOT

MODELS = (
    "int_promotion__shrunk_inputs",
    "stg_paydown__epics",
    "int_promotion__comparisons",
    "rpt_epic_decisions",
)
# A file of a catalog, when it was loaded or seen to be gone, and which of both.
Load = tuple[str, datetime, str]
# A file with the models' SQL, for processes that need not compile it themselves.
SQL_FILE = "PAYDOWN_TEST_SQL"
KINDS = {
    str: "varchar",
    bool: "boolean",
    int: "bigint",
    float: "double",
    date: "date",
    datetime: "timestamp",
}


# What `rpt_epic_evidence` has of the service.
ITEMS: list[dict[str, Any]] = [
    {"evidence_kind": "incident", "source_id": "pagerduty:Q1", "evidence_title": "Timeouts",
     "url": "https://x.example/Q1", "severity_level": 2, "duration_seconds": 8400,
     "status": "resolved", "detail": "repeat", "occurred_at": datetime(2026, 6, 20, 9, 30)},
    {"evidence_kind": "incident", "source_id": "servicenow:INC0012345", "status": "open",
     "occurred_at": datetime(2026, 6, 2, 9, 30)},
    {"evidence_kind": "factor", "evidence_title": "missing_timeout", "mention_count": 2,
     "detail": "client; server"},
    {"evidence_kind": "factor", "evidence_title": "human_error", "mention_count": 1},
    {"evidence_kind": "lesson", "evidence_title": "Retries need a budget", "postmortem_id": "pm-1"},
    {"evidence_kind": "action", "evidence_title": "Set timeouts", "assignee": "team-edge",
     "postmortem_id": "pm-1", "due_on": date(2026, 6, 1), "source_id": "MOD-7"},
    {"evidence_kind": "action", "evidence_title": "Alert on retries", "postmortem_id": "pm-1"},
    {"evidence_kind": "estimate", "evidence_title": "Retries pile up", "postmortem_id": "pm-1",
     "assignee": "team-edge", "estimate_days": 5.0, "detail": "config_only, code_refactor"},
]  # fmt: skip


def row(service_id: str = "component:default/gateway", **columns: Any) -> dict[str, Any]:
    """A row of `rpt_promotion_candidates` that deserves an epic, but for `columns`."""
    return {
        "service_id": service_id,
        "service_name": service_id.rsplit("/", 1)[-1],
        "scoring_date": date(2026, 6, 26),
        "score_rank": 1,
        "score": 24,
        "score_delta": 3,
        "coverage": 0.875,
        "band": "promote_to_epic",
        "decision": "promote",
        "missing_fields": "",
        "owner": "group:default/team-edge",
        "due_date": date(2026, 8, 10),
        "proven_after": date(2026, 9, 7),
        "estimate_days": 5.0,
        "day_rate_usd": 900.0,
        "budget_usd": 4500.0,
        "current_maturity": "bronze",
        "declared_maturity": "silver",
        "target_maturity": "silver",
        "exit_criteria": "Canary deployment\nCircuit breakers + timeouts configured",
        "fix_classes": "config_only,code_refactor",
        "reasons": "slo_burn: 5 of 5 points, peak burn rate 18.2\n"
        "effort: -2 of -3 points, 5 engineer-days",
        "incident_ids": "pagerduty:Q1,servicenow:INC0012345",
        "incident_count": 2,
        "risk_ids": "RISK-7",
        "slo_chart_url": "https://grafana.example.com/d/abc123",
        "project_key": "MOD",
        "rubric_hash": "0123456789ab",
        "newest_incident_at": datetime(2026, 6, 20, 9, 30),
        "lead_service_id": service_id,
        "shared_fix_id": None,
        "team_id": "group:default/team-edge",
        "members": "",
        "change_window": "canary",
        "factor_changes": "+2 slo_burn: peak burn rate 7 -> peak burn rate 18.2",
        "incident_links": "pagerduty:Q1\tTimeouts\thttps://x.example/Q1\nservicenow:INC0012345\t\t",
        "postmortem_links": "2026-05-01-gateway\tRetries pile up\t",
        "slo_burn": 18.2,
        "wip_limit": 2,
        "promoted_at": date(2026, 6, 19),
        "review_decision": None,
        "review_reason": None,
        # No review decided anything; the dates only say of what type they are.
        "review_decided_on": date(2026, 1, 1),
        "review_hold_until": date(2026, 1, 1),
        "is_opened_after_review": False,
        "items": ITEMS,
    } | columns


# What the decisions add to a row that is to be opened, for tests without models.
DECIDED: dict[str, Any] = {
    "epic_action": "open",
    "section": "opened",
    "reason": "score 24, band promote_to_epic",
    "epic_key": None,
    "previous_epic_key": None,
    "shared_epic_key": None,
    "team": "team-edge",
    "cycle_number": 1,
    "update_count": None,
    "has_stories": True,
    "tracker_problem": None,
}


@cache
def sql() -> Mapping[str, str]:
    """Model -> its SQL for DuckDB."""
    if path := os.environ.get(SQL_FILE):
        return dict(json.loads(Path(path).read_text()))
    with TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest"
        parse("duckdb", manifest)
        return Dbt(lambda _: manifest, Path(folder)).compiled(*MODELS, as_of=AS_OF)


def publish(
    rows: Sequence[Mapping[str, Any]],
    run: Run,
    *,
    dry_run: bool = False,
    loads: Sequence[Load] = (),
    former_ids: Sequence[tuple[str, str]] = (),
) -> EpicsReport:
    """What `rows` lead to; a dry run rests on what the last run learnt, as `paydown epics` does."""
    refreshed = Refreshed() if dry_run else refresh(run)
    with TemporaryDirectory() as folder:
        export_epics(
            run.ledger,
            Path(folder),
            tracker=run.tracker.name,
            problems=refreshed.problems,
            unreachable=refreshed.unreachable,
        )
        decided = decide(rows, Path(folder), loads, former_ids)
    report = publish_epics(decided, run, dry_run=dry_run)
    assert sum(report.counts.values()) == len(rows), "every row is in exactly one part"
    return report


def decide(
    rows: Sequence[Mapping[str, Any]],
    export: Path,
    loads: Sequence[Load] = (),
    former_ids: Sequence[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """`rows` of `rpt_promotion_candidates`, each with what is decided over the ledger's export.

    export: the folder of the file. loads: of catalog files. former_ids: what services were called
    before they were renamed, and their ids of today.
    """
    warehouse = Warehouse(sql())
    columns = ", ".join(f"{n} {KINDS.get(type(v), 'varchar')}" for n, v in row().items())
    warehouse.fill("rpt_promotion_candidates", columns, rows)
    warehouse.fill("int_services__former_ids", "former_id, service_id", former_ids)
    columns = (
        "source_name, stream_name, file_name, loaded_at timestamp, load_status, load_id bigint, "
        "rows_loaded bigint, rows_quarantined bigint, is_current boolean"
    )
    known = [("backstage", "entities", *load, n, 3, 0, False) for n, load in enumerate(loads, 2)]
    ours = ("paydown", "epics", "epics.ndjson", NOW.replace(tzinfo=None), "loaded", 1, 1, 0, True)
    warehouse.fill("stg_paydown__loads", columns, [ours, *known])
    contract = ", ".join(f"{name}: '{kind}'" for name, kind in _contract().items())
    warehouse.con.execute("create schema raw")
    warehouse.con.execute(
        "create table raw.paydown__epics as "
        "select *, 1::bigint as _load_id, null::timestamp as _loaded_at "
        f"from read_ndjson('{export / FILE}', columns = {{{contract}}})"
    )
    warehouse.run(*MODELS)
    result = warehouse.con.execute("select * from paydown_marts.rpt_epic_decisions")
    names = [column[0] for column in result.description or []]
    decisions = [dict(zip(names, values, strict=True)) for values in result.fetchall()]
    found = {decision["service_id"]: decision for decision in decisions}
    return [dict(each) | found[each["service_id"]] for each in rows]


@cache
def _contract() -> dict[str, str]:
    """Column -> type of the ledger's export."""
    path = ROOT / "models" / "staging" / "paydown" / "_paydown__sources.yml"
    (source,) = yaml.safe_load(path.read_text())["sources"]
    (table,) = (table for table in source["tables"] if table["name"] == "epics")
    return {column["name"]: column["data_type"] for column in table["columns"]}
