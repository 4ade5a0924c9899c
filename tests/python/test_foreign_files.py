"""Files of another kind than their folder's: none of their records gets in, and it is said why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.configuration import READERS

from .damaged_sources import alerts, opsgenie, pagerduty, servicenow
from .loader_helpers import Json, Landing, project_streams

FIELDS: Json = {"summary": "Checkout down", "updated": "2026-06-10T09:00:00.000+0200", "labels": []}
ISSUE: Json = {"id": "10001", "key": "INC-7", "self": "https://jira/10001", "fields": FIELDS}
ITEM: Json = {"id": 7, "rev": 1, "fields": {"System.ChangedDate": "2026-06-10T07:00:00Z"}}
STATUS: Json = pagerduty("s")[0] | {"impact": "major", "incident_updates": [], "shortlink": "x"}
del STATUS["service"]
NEITHER = (
    "that paydown neither synced nor opened; if these are incidents, bring them in as a source"
)
TABLE = "number is that of a change, problem, request or article; export the table incident alone"
CASES: dict[str, tuple[str, object, str]] = {
    "Jira's search": ("jira/issues", {"issues": [ISSUE], "isLast": True}, "of Jira's search, see"),
    "issues": ("jira/issues", [ISSUE], f"is an issue of Jira {NEITHER}"),
    "issues elsewhere": ("pagerduty/incidents", [ISSUE], "this looks like Jira issues, see docs/"),
    "work items": ("azure_devops/work_items", [ITEM], f"is a work item of Azure DevOps {NEITHER}"),
    "their answer": ("azure_devops/work_items", {"count": 1, "value": [ITEM]}, "of Azure DevOps"),
    "Statuspage": (
        "pagerduty/incidents", {"page": {}, "incidents": [STATUS]}, "this looks like Statuspage"
    ),
    "alerts of PagerDuty": (
        "pagerduty/incidents", [one | {"alert_key": "k"} for one in pagerduty("a")],
        "is an alert, which has an alert_key, and no incident; export /incidents in its place",
    ),
    "alerts of Opsgenie": (
        "opsgenie/incidents", {"data": [one | {"alias": "a"} for one in alerts("a")]},
        "is an alert, which has an alias, and no incident; move it to opsgenie/alerts",
    ),
    "incidents of Opsgenie": (
        "opsgenie/alerts", {"data": opsgenie("i")},
        "is an incident, which has impactedServices, and no alert; move it to opsgenie/incidents",
    ),
    "changes": ("servicenow/incidents", {"result": servicenow("CHG1")}, TABLE),
    "problems": ("servicenow/incidents", {"result": servicenow("PRB1")}, TABLE),
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded_notes(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], set[str]]:
    """What is said of each file, and the files of which records were loaded."""
    landing = Landing(tmp_path_factory.mktemp("foreign"))
    places = list(CASES.values())
    for number, (folder, content, _) in enumerate(places):
        landing.write(f"{folder}/{number}.json", json.dumps(content))
    # Beside files that are right, what others lack is not theirs to lack.
    landing.write("opsgenie/incidents/good.json", json.dumps(opsgenie("good")))
    landing.write("servicenow/incidents/good.json", json.dumps(servicenow("good")))
    done = landing.load(*project_streams(), readers=READERS)
    said: dict[str, str] = {}
    for one in done.rejected:
        said[one.file] = f"{said.get(one.file, '')}\n{one.reason}"
    for row in landing.query("select file, reason from raw.quarantine"):
        said[row["file"]] = f"{said.get(row['file'], '')}\n{row['reason']}"
    loaded = landing.query("select file from raw.loads where rows_loaded > 0")
    return said, {row["file"] for row in loaded}


@pytest.mark.parametrize("name", CASES)
def test_no_record_of_another_kind_gets_in(
    loaded_notes: tuple[dict[str, str], set[str]], name: str
) -> None:
    said, loaded = loaded_notes
    folder, _, words = CASES[name]
    file = f"{folder}/{list(CASES).index(name)}.json"
    assert words in said[file]
    assert file not in loaded
    assert "opsgenie/incidents/good.json" in loaded


def test_issues_and_items_that_paydown_opened_are_read(tmp_path: Path) -> None:
    """Whether the sync brought them, which adds their address, or somebody kept a copy."""
    landing = Landing(tmp_path)
    label = {"labels": ["paydown-checkout-1a2b3c4d-c2"]}
    opened = ISSUE | {"id": "2", "fields": FIELDS | label}
    landing.write(
        "jira/issues/a.json", json.dumps([ISSUE | {"named": {"url": "https://jira/INC-7"}}, opened])
    )
    nodes = [node for node in project_streams() if node["source_name"] == "jira"]
    assert landing.load(*nodes).rejected == []
    assert landing.counts(nodes[0]) == {"issues": 2}
