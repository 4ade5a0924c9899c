"""Each source with each kind of damage: the right value, or a message with file, field and fix.

A file a case, all of them in one load; `is read as` stands before what a good row of it says, any
other text is part of what is told. Nothing may be neither.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS
from orchestration.loader import LoadReport

from .loader_helpers import Json, Landing, project_streams

Records = list[Json]
FOREIGN: Json = {"incident_updates": [], "impact": "major", "shortlink": "x", "name": "down"}


def _each(change: Callable[[Json], Json]) -> Callable[[Records], Records]:
    return lambda records: [change(record) for record in records]


def without(*names: str) -> Callable[[Records], Records]:
    return _each(lambda record: {k: v for k, v in record.items() if k not in names})


def renamed(**names: str) -> Callable[[Records], Records]:
    return _each(lambda record: {names.get(k, k): v for k, v in record.items()})


def changed(**values: Any) -> Callable[[Records], Records]:
    return _each(lambda record: record | {k: v for k, v in values.items() if k in record})


def pagerduty(name: str) -> Records:
    return [
        {
            "id": f"{name}-{n}", "incident_number": n, "title": "Zahlungen größer 5 s",
            "status": "resolved", "urgency": "high", "service": {"id": "PX", "summary": "shop"},
            "created_at": "2026-06-10T07:00:00Z", "resolved_at": "2026-06-10T08:30:00Z",
            "updated_at": f"2026-06-10T08:3{n}:00Z",
        }
        for n in range(4)
    ]  # fmt: skip


def report(name: str) -> Records:
    """PagerDuty's own CSV."""
    return [
        {
            "id": f"{name}-{n}", "incident_number": n, "description": "Zahlungen größer 5 s",
            "service_id": "PX", "service_name": "shop", "created_on": "2026-06-10T07:00:00Z",
            "resolved_on": "2026-06-10T08:30:00Z", "seconds_to_first_ack": 60, "note": f"n{n}",
        }
        for n in range(4)
    ]  # fmt: skip


def opsgenie(name: str) -> Records:
    return [
        {
            "id": f"{name}-{n}", "tinyId": str(n), "message": "Zahlungen größer 5 s",
            "status": "closed", "priority": "P1", "impactedServices": ["shop"],
            "tags": [], "createdAt": "2026-06-10T07:00:00Z",
            "impactEndDate": "2026-06-10T08:30:00Z", "updatedAt": "2026-06-10T08:30:00Z",
        }
        for n in range(4)
    ]  # fmt: skip


def alerts(name: str) -> Records:
    tagged: Json = {"tags": ["service:shop"], "details": {}, "report": {"closeTime": 5_400_000}}
    records = without("impactedServices", "impactEndDate")(opsgenie(name))
    return [record | tagged for record in records]


def servicenow(name: str) -> Records:
    return [
        {
            "number": f"{name}-{n}", "short_description": "Zahlungen größer 5 s", "state": "7",
            "active": "false", "priority": "1 - Critical", "cmdb_ci": "shop",
            "opened_at": "2026-06-10 07:00:00", "resolved_at": "2026-06-10 08:30:00",
            "closed_at": "2026-06-15 08:30:00", "sys_updated_on": f"2026-06-15 08:3{n}:00",
        }
        for n in range(4)
    ]  # fmt: skip


def _table(records: Records) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()


def _array(records: Records) -> bytes:
    return json.dumps(records, ensure_ascii=False).encode()


def _lines(records: Records) -> bytes:
    return b"\n".join(_array([record])[1:-1] for record in records)


# Source -> stream, ending, records, their file, and what names a record, its service and its end.
SOURCES: dict[str, tuple[str, str, Any, Any, tuple[str, str, str]]] = {
    "pagerduty": (
        "pagerduty.incidents", ".json", pagerduty, _array, ("id", "service_name", "resolved_at"),
    ),
    "report": (
        "pagerduty.incidents", ".csv", report, _table, ("id", "service_name", "resolved_at"),
    ),
    "opsgenie": (
        "opsgenie.incidents", ".json", opsgenie, _array, ("id", "service_id", "impact_end_at"),
    ),
    "alerts": (
        "opsgenie.alerts", ".ndjson", alerts, _lines, ("id", "tagged_service", "updated_at"),
    ),
    "servicenow": (
        "servicenow.incidents", ".csv", servicenow, _table,
        ("number", "service_name", "resolved_at"),
    ),
    "table_api": (
        "servicenow.incidents", ".json", servicenow, _array,
        ("number", "service_name", "resolved_at"),
    ),
}  # fmt: skip
RIGHT = "4 times shop 2026-06-10 08:30:00"
CP1252 = "is not UTF-8, it was read as Windows-1252; save it as CSV UTF-8"
NO_TIMESTAMP = "='06/10/2026 07:00': created_at is not a timestamp; correct the value, or"
BACKWARDS = "resolved_at is before opened_at; correct the clock"
EITHER_WAY = "either way, day or month first; set PAYDOWN_SERVICENOW_DATES to day_first"
# Damage -> what it does to records or to bytes, and what comes of it, by source; "" for all others.
DAMAGES: dict[str, tuple[Any, Any, str | dict[str, str]]] = {
    "none": (None, None, RIGHT),
    "missing key": (
        without("id", "number"), None,
        {
            "report": "its header has no 'id'", "servicenow": "its header has no 'number'",
            "table_api": "none of its records has number (looked in number.value, number; they h",
            "": "none of its records has id (looked in id; they have",
        },
    ),
    "renamed service": (
        renamed(service="Dienst", service_id="Dienst_id", service_name="Dienst", tags="Etiketten",
                impactedServices="Dienst", details="Mehr", cmdb_ci="Dienst"), None,
        {
            "servicenow": "export it, or name its place in PAYDOWN_SERVICENOW_SERVICE_FIELD",
            "table_api": "has service_name (looked in cmdb_ci.display_value, cmdb_ci; they have Di",
            "opsgenie": "has service_id or tagged_service or label_k8s_name or label_service_ow",
            "alerts": "has service_id or tagged_service or label_k8s_name or label_service_ow",
            "": "none of its records has service_id or service_name (looked in service.id,",
        },
    ),
    "missing status": (
        without("status", "state", "active", "closed_at"), None,
        {
            "report": RIGHT,  # It never has one.
            "servicenow": "none of its records has state or is_active or closed_at (looked in ",
            "table_api": "none of its records has state or is_active or closed_at (looked in ",
            "pagerduty": "status is missing (looked in status); a record needs it",
            "": "none of its records has status (looked in status; they have",
        },
    ),
    "renamed end": (
        renamed(resolved_at="Ende", resolved_on="Ende", closed_at="Zu", updatedAt="Ende"), None,
        {
            "opsgenie": RIGHT, "alerts": "4 times shop None",
            "servicenow": "none of its records has resolved_at or closed_at (looked in resolved_at",
            "table_api": "none of its records has resolved_at or closed_at (looked in resolved_at",
            "": "none of its records has resolved_at or last_status_change_at (looked in ",
        },
    ),
    "renamed start": (
        renamed(created_at="Beginn", created_on="Beginn", createdAt="Beginn", opened_at="Beginn"),
        None,
        {
            "report": "its header has no 'created_on' (it has: id, incident_number",
            "servicenow": "its header has no 'opened_at' (it has: number, short_description",
            "": "_at (looked in ",
        },
    ),
    "foreign": (lambda records: [FOREIGN | {"x": n} for n, _ in enumerate(records)], None,
                "looks like Statuspage incidents, see docs/guides/bring-your-own-source.md"),
    "other language": (
        changed(status="Geschlossen", state="7"), None,
        {
            "report": RIGHT, "servicenow": RIGHT, "table_api": RIGHT,
            "pagerduty": "status='Geschlossen': status is none of triggered, acknowledged and res",
            "": "status='Geschlossen': status is none of open",
        },
    ),
    "utf-16": (None, lambda content: content.decode().encode("utf-16"), RIGHT),
    "windows-1252": (
        None, lambda content: content.decode().encode("cp1252"),
        {
            "report": CP1252, "servicenow": CP1252,
            "alerts": "is not UTF-8 (such bytes are shown as \\xNN); save the file",
            "": "export it again",
        },
    ),
    "days last": (
        changed(
            created_at="06/10/2026 07:00", created_on="06/10/2026 07:00",
            createdAt="06/10/2026 07:00", opened_at="06/20/2026 07:00",
            resolved_at="06/10/2026 08:30", closed_at="06/15/2026 08:30",
        ), None,
        {
            # The 20th shows it, for the other dates too; so it would end before it began.
            "servicenow": BACKWARDS, "table_api": BACKWARDS,
            "": NO_TIMESTAMP,
        },
    ),
    "days either way": (
        changed(
            created_at="06/10/2026 07:00", created_on="06/10/2026 07:00",
            createdAt="06/10/2026 07:00", opened_at="06/10/2026 07:00",
        ), None,
        {
            "servicenow": EITHER_WAY, "table_api": EITHER_WAY,
            "": NO_TIMESTAMP,
        },
    ),
    "truncated": (
        None, lambda content: content[: len(content) // 2 + 9],
        {
            "report": "values, but the header has 9; correct the line",
            "servicenow": "values, but the header has 10; correct the line",
            "alerts": "is not JSON; correct the line and load the file again",
            "": "is cut off, its list has no end; export it again",
        },
    ),
    "cut after a record": (
        None, lambda content: content[: content.rfind(b"{") if b"{" in content else None],
        {
            "alerts": "is not JSON; correct the line", "report": RIGHT, "servicenow": RIGHT,
            "": "is cut off, its list has no end; export it again",
        },
    ),
    # The same bytes twice are read once.
    "empty": (
        None, lambda content: b"\n" * (len(content) % 89),
        {"alerts": "0 times", "": "is empty; export it again, or"},
    ),
    "no record": (
        None, lambda content: b"[]" if content[:1] == b"[" else content.split(b"\n")[0],
        {"alerts": "1" + RIGHT[1:], "": "holds no record; export it again if there"},
    ),
    "unreadable": (None, None, "can't be opened (Permission denied); let the loader's user re"),
    "duplicated": (lambda records: records * 2, None, RIGHT),
    "half a record": (
        _each(lambda record: dict(list(record.items())[: len(record) // 2 - 2])), None,
        {
            "servicenow": "its header has no 'opened_at' (it has: number, short_description",
            "report": "its header has no 'created_on' (it has: id, incident_number",
            "": "(looked in ",
        },
    ),
}  # fmt: skip
CASES = [(source, damage) for source in SOURCES for damage in DAMAGES]


def file_of(source: str, damage: str) -> str:
    stream, ending, *_ = SOURCES[source]
    return f"{stream.replace('.', '/')}/{source}-{damage.replace(' ', '-')}{ending}"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Landing, LoadReport]:
    landing, opened = Landing(tmp_path_factory.mktemp("matrix")), Path.open

    def refuse(path: Path, *args: Any, **options: Any) -> Any:  # Root may open anything.
        if "unreadable" in path.name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    for source, damage in CASES:
        _, _, good, encode, _ = SOURCES[source]
        records, damaged, _ = DAMAGES[damage]
        content = encode((records or list)(good(f"{source}-{damage}")))
        landing.write(file_of(source, damage), damaged(content) if damaged else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        return landing, landing.load(*project_streams(), readers=READERS)


@pytest.mark.parametrize(("source", "damage"), CASES)
def test_damage_is_read_right_or_told(
    loaded: tuple[Landing, LoadReport], source: str, damage: str
) -> None:
    landing, done = loaded
    stream, _, _, _, names = SOURCES[source]
    file, table = file_of(source, damage), stream.replace(".", "__")
    key, service, end = names
    rows = landing.query(
        f"select count(distinct {key}) || ' times ' || any_value(coalesce({service}, 'None')) || "
        f"' ' || any_value(coalesce({end}::varchar, 'None')) as read from raw.{table} "
        "where _source_file = ?",
        file,
    )
    told = [str(problem) for problem in (*done.rejected, *done.notes) if problem.file == file]
    told += [
        f"{row['field']}={row['value']!r}: {row['reason']}"
        for row in landing.query("select * from raw.quarantine where file = ?", file)
    ]
    expected = DAMAGES[damage][2]
    if isinstance(expected, dict):
        expected = expected.get(source, expected[""])
    if re.match(r"\d times", expected):
        assert (rows[0]["read"] or "0 times", told) == (expected, [])
    else:
        assert any(expected in one for one in told), (told, rows)
        assert all("; " in one for one in told), "it says what to do"
