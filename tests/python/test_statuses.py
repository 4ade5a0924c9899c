"""A word that a tool does not have for a status is set aside, and never decides that it goes on."""

import json
from pathlib import Path

import pytest

from .loader_helpers import Json, Landing, ndjson, project_streams

TIMES = {"createdAt": "2026-06-10T10:00:00Z", "impactEndDate": "2026-06-10T11:00:00Z"}
OPSGENIE: Json = {
    "message": "m",
    "tags": ["service:s"],
    **TIMES,
    "updatedAt": TIMES["createdAt"],
    "report": {"closeTime": 3_600_000},
}
PAGERDUTY: Json = {
    "service": {"id": "P", "summary": "shop"},
    "created_at": "2026-06-10T10:00:00Z",
    "resolved_at": "2026-06-10T11:00:00Z",
}


@pytest.mark.parametrize(
    ("stream", "record", "known", "unknown"),
    [
        ("pagerduty.incidents", PAGERDUTY, ["resolved", "Resolved"], ["resuelto", "closed"]),
        (
            "opsgenie.incidents",
            OPSGENIE | {"impactedServices": ["s"]},
            ["closed", "Resolved"],
            ["geschlossen", "done"],
        ),
        ("opsgenie.alerts", OPSGENIE, ["closed", "open", "acked"], ["geschlossen"]),
    ],
)
def test_status(
    tmp_path_factory: pytest.TempPathFactory,
    stream: str,
    record: Json,
    known: list[str],
    unknown: list[str],
) -> None:
    landing = Landing(tmp_path_factory.mktemp("statuses"))
    source, table = stream.split(".")
    words = [*known, *unknown]
    landing.write(
        f"{source}/{table}/x.ndjson",
        ndjson(*({"id": word, "status": word, **record} for word in words)),
    )
    (node,) = (
        node for node in project_streams() if (node["source_name"], node["name"]) == (source, table)
    )
    landing.load(node)
    rows = landing.query(f"select id from raw.{source}__{table}")
    assert sorted(row["id"] for row in rows) == sorted(known)
    problems = landing.query("select field, reason from raw.quarantine")
    assert [problem["field"] for problem in problems] == ["status"] * len(unknown)
    assert all(problem["reason"].startswith("status is none of ") for problem in problems)


def test_an_hour_that_exists_twice_is_called_so(tmp_path: Path) -> None:
    """In Berlin, 02:00 to 03:00 of 25 October; an hour later it is a clock that is wrong."""
    (node,) = (
        node
        for node in project_streams()
        if (node["source_name"], node["name"]) == ("servicenow", "incidents")
    )
    text = json.dumps(node).replace(
        "timezone('UTC', timezone(", "timezone('Europe/Berlin', timezone("
    )
    node = json.loads(text)
    node["config"]["meta"]["timezone"] = "Europe/Berlin"
    landing = Landing(tmp_path)
    landing.write(
        "servicenow/incidents/x.csv",
        "number,state,cmdb_ci,opened_at,resolved_at\n"
        "TWICE,7,shop,2026-10-25 02:45:00,2026-10-25 02:10:00\n"
        "CLOCK,7,shop,2026-10-25 05:45:00,2026-10-25 05:10:00\n"
        "GOOD,7,shop,2026-10-25 01:45:00,2026-10-25 03:10:00\n",
    )
    landing.load(node)
    minutes = "select number, epoch(resolved_at - opened_at) / 60 as minutes"
    (good,) = landing.query(f"{minutes} from raw.servicenow__incidents")
    assert good == {"number": "GOOD", "minutes": 145}
    twice, clock = landing.query("select line, reason from raw.quarantine order by line")
    assert twice["reason"].startswith(
        "resolved_at is before opened_at, which is in the hour that ex"
    )
    assert clock["reason"].startswith("resolved_at is before opened_at; correct the clock")
