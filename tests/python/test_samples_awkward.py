"""The sample exports hold every case that breaks a naive pipeline, as often as documented."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from ..samples.reading import (
    LANDING,
    entries,
    event_log,
    lines,
    minutes,
    pagerduty,
    records,
    services,
    value,
    when,
)


def test_open_and_never_acknowledged() -> None:
    statuses = Counter(row["status"] for row in pagerduty().values())
    assert statuses["triggered"] == 1
    assert statuses["acknowledged"] == 2
    assert all(
        (row["status"] == "resolved") == bool(row["resolved_at"]) for row in pagerduty().values()
    )
    assert sum(row["status"] == "open" for row in records("opsgenie/incidents")) == 1
    kinds = [{entry["type"] for entry in one} for one in entries().values()]
    assert any("resolve_log_entry" in one and "acknowledge_log_entry" not in one for one in kinds)


def test_reopened() -> None:
    histories = [
        [e["type"].removesuffix("_log_entry") for e in one if e["type"][:4] in ("trig", "reso")]
        for one in entries().values()
    ]
    again = [one for one in histories if one.count("trigger") > 1]
    assert sorted(map(len, again)) == [4, 4, 4, 6]
    assert all(one == ["trigger", "resolve"] * (len(one) // 2) for one in again)
    assert {value(row["reopen_count"]) for row in records("servicenow/incidents")} >= {"0", "1"}
    assert any(row["reopen_count"] == "1" for row in event_log()[0])


def test_merged() -> None:
    reasons = [row["resolve_reason"] for row in pagerduty().values() if row["resolve_reason"]]
    assert len(reasons) == 8
    targets = {reason["incident"]["id"] for reason in reasons}
    assert len(targets) == 3
    assert all(not pagerduty()[target]["resolve_reason"] for target in targets)


def test_duplicated_across_tools() -> None:
    opsgenie = {row["id"]: row["extraProperties"]["alias"] for row in records("opsgenie/incidents")}
    correlated = [value(row["correlation_id"]) for row in records("servicenow/incidents")]
    assert sum(one in pagerduty() for one in correlated) == 20
    assert sum(one in opsgenie for one in correlated) == 5
    assert sum(alias in pagerduty() for alias in opsgenie.values()) == 6
    aliases = {
        row["details"].get("incident-id"): row["alias"] for row in records("opsgenie/alerts")
    }
    assert all(aliases[one] == alias for one, alias in opsgenie.items())


def test_flapping() -> None:
    keys: dict[str, list[datetime]] = {}
    for row in pagerduty().values():
        keys.setdefault(row["incident_key"], []).append(when(row["created_at"]))
    for row in records("opsgenie/incidents"):
        keys.setdefault(row["extraProperties"]["alias"], []).append(when(row["createdAt"]))
    bursts = [sorted(times) for times in keys.values() if len(times) >= 4]
    quick = [one for one in bursts if max(b - a for a, b in pairwise(one)) < timedelta(minutes=6)]
    assert sorted(map(len, quick)) == [4, 5, 6]


def test_services_that_only_a_name_a_label_or_nothing_identifies() -> None:
    annotations = [one["metadata"]["annotations"] for one in services().values()]
    ids = {one.get("pagerduty.com/service-id") for one in annotations}
    names = set(services()) | {
        a.strip() for one in annotations for a in one.get("paydown/aliases", "").split(",")
    }
    kubernetes = {one["backstage.io/kubernetes-id"] for one in annotations}
    strangers = [row for row in pagerduty().values() if row["service"]["id"] not in ids]
    by_name = [row for row in strangers if row["service"]["summary"] in names]
    assert {row["service"]["summary"] for row in by_name} == {"webhooks", "fx-rates", "recon"}
    labels = [row["body"]["details"] for row in strangers if "body" in row]
    assert sum(one.get("app.kubernetes.io/name") in kubernetes for one in labels) == 6
    assert Counter(one["service_owner"] for one in labels if len(one) == 1) == {
        "team-data": 2,
        "team-risk": 1,
    }
    unknown = {row["service"]["summary"] for row in strangers} - names
    assert unknown == {"catch-all-monitoring", "legacy-batch", "payments-api-legacy"}
    assert any("service:pricing-engine" in row["tags"] for row in records("opsgenie/incidents"))
    assert {"citrix-farm", "?"} <= {row["cmdb_ci"] for row in event_log()[0]}


def test_wrong_clock() -> None:
    assert sum(minutes(row) < 0 for row in pagerduty().values() if row["resolved_at"]) == 1
    assert (
        sum(
            row.get("impactEndDate", "9") < row["createdAt"]
            for row in records("opsgenie/incidents")
        )
        == 1
    )
    rows = records("servicenow/incidents")
    assert sum("" < value(row["resolved_at"]) < value(row["opened_at"]) for row in rows) == 1


def test_out_of_hours_and_daylight_saving() -> None:
    begun = [when(row["created_at"]) for row in pagerduty().values()]
    assert sum(at.weekday() > 4 or at.hour >= 20 or at.hour < 5 for at in begun) > 100
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    spans = [row for row in pagerduty().values() if row["resolved_at"]]
    assert any(when(row["created_at"]) < change < when(row["resolved_at"]) for row in spans)


def test_tests_and_game_days() -> None:
    titles = [row["title"] for row in pagerduty().values()]
    titles += [row["message"] for row in records("opsgenie/incidents")]
    titles += [value(row["short_description"]) for row in records("servicenow/incidents")]
    assert sum(title.startswith("[TEST] ") for title in titles) == 7
    assert sum(title.startswith("[GAME DAY] ") for title in titles) == 4


def test_malformed_lines() -> None:
    torn = [text for text, row in lines("pagerduty/incidents") if row is None]
    assert len(torn) == 1
    assert torn[0].startswith('{"id":')
    assert torn[0].split('"')[3] in pagerduty()
    assert sum(row is not None and "id" not in row for _, row in lines("opsgenie/incidents")) == 1
    good, bad = event_log()
    assert [len(row) for row in bad] == [37]
    assert bad[0][0] in {row["number"] for row in good}


def test_an_older_export_overlaps_a_newer_one() -> None:
    older = json.loads(
        (LANDING / "pagerduty/incidents/restored-backup-2026-05-18.json").read_text()
    )
    newer = [pagerduty()[row["id"]] for row in older]
    assert len(older) > 20
    assert all(
        old["updated_at"] <= new["updated_at"] for old, new in zip(older, newer, strict=True)
    )
    regressed = [
        old for old, new in zip(older, newer, strict=True) if old["status"] != new["status"]
    ]
    assert [row["title"] for row in regressed] == [
        "api-gateway: 503 storm after payments-api slowed down"
    ]
