"""A word that a tool does not have for a status is set aside, and never decides that it goes on."""

import pytest

from .loader_helpers import Json, Landing, ndjson, project_streams

TIMES = {"createdAt": "2026-06-10T10:00:00Z", "impactEndDate": "2026-06-10T11:00:00Z"}
OPSGENIE: Json = {
    "message": "m",
    "impactedServices": ["s"],
    **TIMES,
    "updatedAt": TIMES["createdAt"],
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
        ("opsgenie.incidents", OPSGENIE, ["closed", "Resolved"], ["geschlossen", "done"]),
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
