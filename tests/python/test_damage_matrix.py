"""Each source with each kind of damage: the right value, or a message with file, field and fix.

A file a case, all of them in one load; `is read as` stands before what a good row of it says, any
other text is part of what is told. Nothing may be neither.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS
from orchestration.loader import LoadReport

from .damaged_sources import SOURCES, changed, each, renamed, without
from .loader_helpers import Json, Landing, project_streams

FOREIGN: Json = {"incident_updates": [], "impact": "major", "shortlink": "x", "name": "down"}
RIGHT = "4 times shop 2026-06-10 08:30:00"
CP1252 = "is not UTF-8, it was read as Windows-1252; save it as UTF-8"
NO_TIMESTAMP = "='06/10/2026 07:00': created_at is not a timestamp; correct the value, or"
NO_DATES = {
    "prometheus": "sampled_at is not a timestamp as epoch_s; correct the value, or its format in",
    "datadog": "asked_at is not a timestamp; correct the value, or its format in models/staging",
    "commits": "authored_at is not a timestamp; correct the value, or its format in models/stagi",
}
BACKWARDS = "resolved_at is before opened_at; correct the clock"
EITHER_WAY = "either way, day or month first; set PAYDOWN_SERVICENOW_DATES to day_first"
NO_SERVICE = "has service_id or tagged_service or label_k8s_name or label_service_ow"
FOREIGN_DATE = "06/10/2026 07:00"
# Damage -> what it does to records or to bytes, and what comes of it, by source, else by the file's
# ending, else by "".
DAMAGES: dict[str, tuple[Any, Any, str | dict[str, str]]] = {
    "none": (None, None, RIGHT),
    "missing key": (
        without("id", "number", "series_id", "slo_id", "sha"), None,
        {
            ".csv": "its header has no '",
            "table_api": "none of its records has number (looked in number.value, number; they h",
            "prometheus": "none of its records has series_id (looked in series_id; they have",
            "datadog": "none of its records has slo_id (looked in slo_id; they have",
            "commits": "none of its records has sha (looked in sha; they have",
            "": "none of its records has id (looked in id; they have",
        },
    ),
    "renamed service": (
        renamed(service="Dienst", service_id="Dienst_id", service_name="Dienst", tags="Etiketten",
                impactedServices="Dienst", details="Mehr", cmdb_ci="Dienst", series_id="Reihe",
                slo_id="Ziel", repository="Ablage", incident="Vorfall"), None,
        {
            "servicenow": "export it, or name its place in PAYDOWN_SERVICENOW_SERVICE_FIELD",
            "table_api": "has service_name or service_id (looked in cmdb_ci.value, cmdb_ci,",
            "opsgenie": NO_SERVICE, "alerts": NO_SERVICE,
            "log_entries": "none of its records has incident_id (looked in incident.id; they have",
            "prometheus": "none of its records has series_id (looked in series_id; they have Reihe",
            "datadog": "none of its records has slo_id (looked in slo_id; they have Ziel",
            "commits": "none of its records has repository (looked in repository; they have Abl",
            "": "none of its records has service_id or service_name (looked in service.id,",
        },
    ),
    "service empty": (
        changed(service={}, service_id="", service_name="", tags=["env:x"], impactedServices=[],
                cmdb_ci=""), None,
        {
            "opsgenie": NO_SERVICE, "alerts": NO_SERVICE,
            "servicenow": "has service_name or service_id (looked in cmdb_ci.value, cmdb_ci,",
            "table_api": "has service_name or service_id (looked in cmdb_ci.value, cmdb_ci,",
            "log_entries": RIGHT.replace("shop", "None"),  # It is that of the incident.
            "prometheus": RIGHT, "datadog": RIGHT, "commits": RIGHT,  # Of theirs, a key.
            "": "has service_id or service_name (looked in service.id, service_id, service.summ",
        },
    ),
    "missing status": (
        without("status", "state", "active", "closed_at", "type", "value", "good", "trailers"),
        None,
        {
            "report": RIGHT,  # It never has one.
            "servicenow": "none of its records has state or is_active or closed_at (looked in ",
            "table_api": "none of its records has state or is_active or closed_at (looked in ",
            "pagerduty": "status is missing (looked in status); a record needs it",
            "log_entries": "none of its records has type (looked in type; they have",
            "prometheus": "value is missing (looked in value); a point needs it",
            "datadog": "good or total is missing (looked in good, total); an interval needs both",
            "commits": "none of its records has trailers (looked in trailers; they have",
            "": "none of its records has status (looked in status; they have",
        },
    ),
    "renamed end": (
        renamed(resolved_at="Ende", resolved_on="Ende", closed_at="Zu", updatedAt="Neu",
                impactEndDate="Ende", report="Bericht", asked_at="Ende", authored_at="Ende"), None,
        {
            "opsgenie": "that ended has impact_end_at (looked in impactEndDate, resolvedAt; they",
            "alerts": "that ended has close_time_ms (looked in report.closeTime; they have Beri",
            "servicenow": "that ended has resolved_at or closed_at (looked in resolved_at.value",
            "table_api": "that ended has resolved_at or closed_at (looked in resolved_at.value",
            "report": "none of its records has resolved_at or last_status_change_at (looked in ",
            "log_entries": RIGHT,  # It has but one time.
            "prometheus": "none of its records has asked_at (looked in asked_at; they have Ende",
            "datadog": "none of its records has asked_at (looked in asked_at; they have Ende",
            "commits": "none of its records has authored_at (looked in authored_at; they have E",
            "": "that ended has resolved_at or last_status_change_at (looked in resolved_at, ",
        },
    ),
    "renamed start": (
        renamed(created_at="Beginn", created_on="Beginn", createdAt="Beginn", opened_at="Beginn",
                sampled_at="Beginn", authored_at="Beginn"), None,
        {
            "report": "its header has no 'created_on' (it has: id, incident_number",
            "servicenow": "its header has no 'opened_at' (it has: number, short_description",
            "datadog": "none of its records has sampled_ms (looked in sampled_at; they have Begi",
            "": "_at (looked in ",
        },
    ),
    "foreign": (lambda records: [FOREIGN | {"x": n} for n, _ in enumerate(records)], None,
                "looks like Statuspage incidents, see docs/guides/bring-your-own-source.md"),
    "other language": (
        changed(status="Geschlossen", state="7", type="Bestätigung", value="viel", good="viele",
                tests_changed="ja"), None,
        {
            "report": RIGHT, "servicenow": RIGHT, "table_api": RIGHT,
            "pagerduty": "status='Geschlossen': status is none of triggered, acknowledged and res",
            "log_entries": "type='Bestätigung': type is no kind of log entry, such as acknowled",
            "prometheus": "value='viel': value is not a double; correct the value, or its type",
            "datadog": "good='viele': good is not a double; correct the value, or its type",
            "commits": "tests_changed='ja': tests_changed is not a boolean; correct the value",
            "": "status='Geschlossen': status is none of open",
        },
    ),
    "utf-16": (None, lambda content: content.decode().encode("utf-16"), RIGHT),
    "windows-1252": (
        None, lambda content: content.decode().encode("cp1252"),
        {
            ".csv": CP1252,
            ".ndjson": "is not UTF-8 (such bytes are shown as \\xNN); save the file",
            "": "export it again",
        },
    ),
    "days last": (
        changed(
            created_at=FOREIGN_DATE, created_on=FOREIGN_DATE, createdAt=FOREIGN_DATE,
            opened_at="06/20/2026 07:00", resolved_at="06/10/2026 08:30",
            closed_at="06/15/2026 08:30", sampled_at=FOREIGN_DATE, asked_at=FOREIGN_DATE,
            authored_at=FOREIGN_DATE,
        ), None,
        {
            # The 20th shows it, for the other dates too; so it would end before it began.
            "servicenow": BACKWARDS, "table_api": BACKWARDS, **NO_DATES,
            "": NO_TIMESTAMP,
        },
    ),
    "days either way": (
        changed(
            created_at=FOREIGN_DATE, created_on=FOREIGN_DATE, createdAt=FOREIGN_DATE,
            opened_at=FOREIGN_DATE, sampled_at=FOREIGN_DATE, asked_at=FOREIGN_DATE,
            authored_at=FOREIGN_DATE, note=0,
        ), None,
        {"servicenow": EITHER_WAY, "table_api": EITHER_WAY, **NO_DATES, "": NO_TIMESTAMP},
    ),
    "truncated": (
        None, lambda content: content[: len(content) // 2 + 9],
        {
            "report": "values, but the header has 9; correct the line",
            "servicenow": "values, but the header has 10; correct the line",
            ".ndjson": "is not JSON; correct the line and load the file again",
            "": "is cut off, its list has no end; export it again",
        },
    ),
    "cut after a record": (
        None, lambda content: content[: content.rfind(b"{") if b"{" in content else None],
        {
            "alerts": "is not JSON; correct the line", ".csv": RIGHT, ".ndjson": "3" + RIGHT[1:],
            "": "is cut off, its list has no end; export it again",
        },
    ),
    # The same bytes twice are read once.
    "empty": (
        None, lambda content: b"\n" * (len(content) % 89 + 1),
        {".ndjson": "0 times", "": "is empty; export it again, or"},
    ),
    "no record": (
        None, lambda content: b"[]" if content[:1] == b"[" else content.split(b"\n")[0],
        {".ndjson": "1" + RIGHT[1:], "": "holds no record; export it again if there"},
    ),
    "unreadable": (None, None, "can't be opened (Permission denied); let the loader's user re"),
    "duplicated": (lambda records: records * 2, None, RIGHT),
    "half a record": (
        each(lambda record: dict(list(record.items())[: len(record) // 2 - 2])), None,
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
    stream = stream.removeprefix("commits.")
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
def test_damage_is_read_right_or_reported(
    loaded: tuple[Landing, LoadReport], source: str, damage: str
) -> None:
    landing, done = loaded
    stream, ending, _, _, names = SOURCES[source]
    file, table = file_of(source, damage), stream.replace(".", "__")
    key, service, end = names
    rows = landing.query(
        f"select count(distinct {key}) || ' times ' || any_value(coalesce({service}, 'None')) || "
        f"' ' || any_value(coalesce({end}::varchar, 'None')) as read from raw.{table} "
        "where _source_file = ?",
        file,
    )
    reported = [str(problem) for problem in (*done.rejected, *done.notes) if problem.file == file]
    reported += [
        f"{row['field']}={row['value']!r}: {row['reason']}"
        for row in landing.query("select * from raw.quarantine where file = ?", file)
    ]
    expected = DAMAGES[damage][2]
    if isinstance(expected, dict):
        expected = expected.get(source, expected.get(ending, expected[""]))
    if re.match(r"\d times", expected):
        assert (rows[0]["read"] or "0 times", reported) == (expected, [])
    else:
        assert any(expected in one for one in reported), (reported, rows)
        assert all("; " in one for one in reported), "it says what to do"
