"""Which record goes into which file: every format and envelope, and what is broken on purpose."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from . import delivery, jira, opsgenie, pagerduty, servicenow
from .backstage import build_catalog
from .decisions import build_decisions
from .files import array, compact, csv_lines, envelope, gz, ndjson, parquet, zst
from .finance import build_finance
from .history import build_incidents
from .model import Incident
from .postmortems import build_postmortems
from .slo import build_definitions, build_series
from .tables import services

Json = dict[str, Any]
APRIL, MAY, JUNE = (datetime(2026, month, 1, tzinfo=UTC) for month in (4, 5, 6))
BACKUP_FROM = datetime(2026, 5, 8, tzinfo=UTC)
BACKUP_AT = datetime(2026, 5, 18, 14, tzinfo=UTC)
"""An hour into the gateway's second Sev-2: the old export still shows it open."""


def build_landing() -> dict[str, bytes]:
    """Path below the landing folder to content."""
    incidents = build_incidents()
    files: dict[str, bytes] = {
        **_pagerduty([one for one in incidents if one.tool == "pagerduty"]),
        **_opsgenie([one for one in incidents if one.tool == "opsgenie"]),
        **_servicenow([one for one in incidents if one.tool == "servicenow"]),
    }
    files |= build_finance() | build_decisions()
    files["jira/issues/2026-06.ndjson"] = ndjson(jira.issues())
    files["argocd/rollouts/2026-q2.ndjson"] = ndjson(delivery.rollout_states())
    files["argocd/applications/2026-06-26.json"] = envelope(
        "items", delivery.applications(), apiVersion="v1", kind="List"
    )
    files["flux/kustomizations/2026-06-26.json"] = envelope(
        "items", delivery.kustomizations(), apiVersion="v1", kind="List"
    )
    for name, text in build_postmortems(incidents).items():
        files[f"postmortems/{name}"] = text.encode()
    for path, text in build_catalog().items():
        files[f"backstage/{path}"] = text.encode()
    for name, text in build_definitions().items():
        files[f"slo/{name}"] = text.encode()
    series, samples = build_series(incidents)
    files["prometheus/series/2026-q2.ndjson"] = ndjson(series)
    files["prometheus/samples/2026-q2.ndjson.zst"] = zst(ndjson(samples))
    return dict(sorted(files.items()))


def _between(
    incidents: list[Incident], start: datetime | None, stop: datetime | None
) -> list[Incident]:
    return [
        one
        for one in incidents
        if (start is None or one.created >= start) and (stop is None or one.created < stop)
    ]


def _pagerduty(incidents: list[Incident]) -> dict[str, bytes]:
    by_id = {one.id: one for one in incidents}

    def records(start: datetime | None, stop: datetime | None) -> list[Json]:
        return [pagerduty.incident(one, by_id) for one in _between(incidents, start, stop)]

    def entries(start: datetime | None, stop: datetime | None) -> list[Json]:
        chosen = [
            e for one in _between(incidents, start, stop) for e in pagerduty.log_entries(one, by_id)
        ]
        return sorted(chosen, key=lambda entry: (entry["created_at"], entry["id"]))

    page = {"limit": 100, "offset": 0, "more": False, "total": None}
    first_quarter = records(None, APRIL)
    backup = [
        pagerduty.incident(one, by_id, BACKUP_AT)
        for one in _between(incidents, BACKUP_FROM, BACKUP_AT)
    ]
    folder = "pagerduty/incidents"
    return {
        f"{folder}/2026-q1.ndjson.gz": gz(ndjson(first_quarter)),
        # The pages of two syncs overlap by a few records, which are the same in both.
        f"{folder}/2026-04.json.zst": zst(
            envelope("incidents", first_quarter[-4:] + records(APRIL, MAY), **page)
        ),
        f"{folder}/2026-05.json": envelope("incidents", records(MAY, JUNE), **page),
        f"{folder}/2026-06.ndjson": _torn(records(JUNE, None)),
        f"{folder}/restored-backup-2026-05-18.json": array(backup),
        "pagerduty/log_entries/2026-q1.ndjson.gz": gz(ndjson(entries(None, APRIL))),
        "pagerduty/log_entries/2026-04-05.json.zst": zst(
            envelope("log_entries", entries(APRIL, JUNE), **page)
        ),
        "pagerduty/log_entries/2026-06.ndjson.gz": gz(ndjson(entries(JUNE, None))),
    }


def _torn(records: list[Json]) -> bytes:
    """NDJSON whose writer died in the middle of a line and wrote that record again."""
    lines = [compact(record) for record in records]
    lines.insert(11, lines[11][:420])
    return "".join(line + "\n" for line in lines).encode()


def _opsgenie(incidents: list[Incident]) -> dict[str, bytes]:
    page = {"paging": {"first": f"{opsgenie.API}/v1/incidents?limit=100&offset=0"}, "took": 0.31}
    noisy = [one.name for one in services().values() if one.tool == "opsgenie"]

    def records(start: datetime | None, stop: datetime | None) -> list[Json]:
        return [opsgenie.incident(one) for one in _between(incidents, start, stop)]

    alerts = [opsgenie.alert(one) for one in incidents]
    alerts += [one for name in noisy for one in opsgenie.noise(name, 6)]
    alerts.sort(key=lambda one: (one["createdAt"], one["id"]))
    old = [one for one in alerts if one["createdAt"] < "2026-04"]
    new = [one for one in alerts if one["createdAt"] >= "2026-04"]
    request = {"took": 0.27, "requestId": "5b1f8f2c-6f4e-4d0e-9f0e-0c8a6a1b7d11"}
    return {
        "opsgenie/incidents/2026-q1.json": envelope(
            "data", records(None, APRIL), **page, requestId=request["requestId"]
        ),
        "opsgenie/incidents/2026-q2.ndjson": _without_id(records(APRIL, None)),
        "opsgenie/alerts/2026-q1.ndjson.zst": zst(ndjson(old)),
        "opsgenie/alerts/2026-q2.json.gz": gz(envelope("data", new, **request)),
    }


def _without_id(records: list[Json]) -> bytes:
    """NDJSON with one record that lost its key."""
    anonymous = {name: value for name, value in records[5].items() if name != "id"}
    return ndjson([*records[:20], anonymous, *records[20:]])


def _servicenow(incidents: list[Incident]) -> dict[str, bytes]:
    exports: dict[str, list[Incident]] = {
        name: [] for name in ("raw", "parquet", "log_q1", "display", "log_q2")
    }
    for one in incidents:
        exports[_export(one)].append(one)
    rows = {name: [servicenow.row(one) for one in ones] for name, ones in exports.items()}
    logs = {
        name: [r for one in exports[name] for r in servicenow.event_log(one)]
        for name in ("log_q1", "log_q2")
    }
    header = servicenow.EVENT_LOG_HEADER
    folder = "servicenow/incidents"
    return {
        f"{folder}/table-api-2026-q1.json": envelope("result", rows["raw"]),
        f"{folder}/table-api-2026-q2-display.json": envelope(
            "result", [servicenow.display_row(one) for one in exports["display"]]
        ),
        f"{folder}/statements-2026-q1.parquet": parquet(rows["parquet"]),
        f"{folder}/event-log-2026-q1.csv.gz": gz(csv_lines(header, logs["log_q1"])),
        f"{folder}/event-log-2026-q2.csv": _shifted(csv_lines(header, logs["log_q2"])),
    }


def _export(one: Incident) -> str:
    """Two desks keep their tickets in a spreadsheet; the rest comes from the API."""
    is_old = one.created < APRIL
    if one.duplicate_of is None and one.service == "statements":
        return "parquet" if is_old else "log_q2"
    if one.duplicate_of is None and one.service != "merchant-portal":
        return "log_q1" if is_old else "log_q2"
    return "raw" if is_old else "display"


def _shifted(content: bytes) -> bytes:
    """One row a person edited: a comma in the location moved every later column by one."""
    lines = content.decode().splitlines(keepends=True)
    cells = lines[9].split(",")
    cells[15] = f"{cells[15]}, Annexe B"
    return "".join([*lines[:9], ",".join(cells), *lines[9:]]).encode()
