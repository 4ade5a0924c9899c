"""From every vendor through the landing folder into raw: what landed, and no more."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS

from .extraction import CALM
from .loader_helpers import Landing, project_streams
from .loopback import landed
from .test_extract_sources import at_work

# Streams that grow, whose records are rows of a raw table as they are.
STREAMS = {
    "pagerduty": ("incidents", "log_entries"),
    "opsgenie": ("alerts", "incidents"),
    "servicenow": ("incidents", "deletions"),
    "backstage": (),
    "git": (),
    "prometheus": ("series", "samples", "settings"),
    "datadog": ("samples",),
    "jira": ("issues",),
    "azure_devops": ("work_items",),
}


def streams(*sources: str) -> list[dict[str, Any]]:
    return [one for one in project_streams() if one["source_name"] in sources]


@pytest.mark.parametrize("source", STREAMS)
def test_raw_holds_each_record_that_two_syncs_landed(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = Landing(tmp_path / "home")
    with at_work(tmp_path, source, "first", monkeypatch) as (site, url, _):
        for is_first in (True, False):
            site.sync(loader.home, url, CALM)
            assert loader.load(*streams(source, "paydown"), readers=READERS).rejected == []
            if is_first:
                site.changes()
                site.passes(site.gap)
    assert loader.query("select * from raw.quarantine") == []
    for stream in STREAMS[source]:
        rows = loader.query(f"select _payload from raw.{source}__{stream}")
        records = landed(loader.roots["landing"], f"{source}/{stream}")
        assert rows
        assert Counter(json.dumps(json.loads(row["_payload"])) for row in rows) == Counter(
            map(json.dumps, records)
        )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"app.kubernetes.io/name": "pay", "app.kubernetes.io/instance": "eu"}, "pay"),
        ({"app_kubernetes_io_name": "pay", "app_kubernetes_io_part_of": "shop"}, "pay"),
        ({"app_kubernetes_io_instance": "eu", "app.kubernetes.io/part-of": "shop"}, "eu"),
        ({"app_kubernetes_io_part_of": "shop", "service_owner": "risk"}, "shop"),
    ],
)
def test_labels_of_what_alerted_count_however_they_are_written(
    tmp_path: Path, labels: dict[str, str], expected: str
) -> None:
    site = Landing(tmp_path)
    moments = {"created_at": "2026-06-01T00:00:00Z", "createdAt": "2026-06-01T00:00:00Z"}
    records: dict[str, list[dict[str, Any]]] = {
        "pagerduty/incidents": [
            {"body": {"details": labels}},
            {"first_trigger_log_entry": {"channel": {"details": {"labels": labels}}}},
        ],
        "pagerduty/log_entries": [
            {"channel": {"details": labels}}, {"channel": {"details": {"labels": labels}}},
        ],
        "opsgenie/alerts": [{"details": labels}],
        "opsgenie/incidents": [{"extraProperties": labels}],
    }  # fmt: skip
    for stream, some in records.items():
        whole = [
            {
                "id": f"x{n}", "type": "trigger_log_entry", "incident": {"id": "x"}, **moments,
                "incident_number": n, "message": "m", "title": "t", "service": {"id": "s"},
                "status": "triggered" if stream.startswith("pagerduty") else "open",
                "resolved_at": None, **one,
            }
            for n, one in enumerate(some)
        ]  # fmt: skip
        site.write(f"{stream}/a.json", json.dumps(whole))
    site.load(*streams("pagerduty", "opsgenie"))
    assert site.query("select * from raw.quarantine") == []
    for stream, some in records.items():
        rows = site.query(
            f"select label_k8s_name as name, label_service_owner as owner "
            f"from raw.{stream.replace('/', '__')}"
        )
        assert rows == [{"name": expected, "owner": labels.get("service_owner")}] * len(some)
