"""Epics on their way back: the local tracker's files, the ledger's export, and what the contracts
make of them and of what trackers say."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.configuration import READERS
from orchestration.documents.readers import read_front_matter
from orchestration.ledger import EpicRecord, EpicState, Evidence, Ledger, export_epics

from .loader_helpers import Landing, project_streams
from .loopback import serving
from .test_extract_epic_items import NOW, board, later, settings, sync
from .tracker_helpers import REMOTE

KEY = "paydown-checkout-1a2b3c4d-c2"
EPIC = f"""---
key: {KEY}
title: 'Modernize checkout: score 24'
service: checkout
service_id: component:default/checkout
status: Done
owner: team-payments
assignee: Ada
due_date: 2026-09-01
estimate_days: 5
budget_usd: 6000.0
labels: [incident-modernization, {KEY}]
opened_at: 2026-06-26 16:00:00+00:00
closed_at: 2026-07-01
---

# Modernize checkout
"""
STREAMS = ("jira", "azure_devops", "local")


def record(path: Path) -> dict[str, Any]:
    (line,) = read_front_matter(path)
    assert line.reason is None
    return json.loads(line.text)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def load(landing: Landing) -> None:
    streams = [
        one
        for one in project_streams()
        if one["source_name"] in STREAMS or one["identifier"] == "paydown__epics"
    ]
    report = landing.load(*streams, readers=READERS)
    assert report.rejected == []


def test_the_file_itself_is_part_of_the_record(tmp_path: Path) -> None:
    path = tmp_path / "a b.md"
    path.write_text("\ufeff" + EPIC, encoding="utf-8")
    os.utime(path, (1_782_000_000, 1_782_000_000))
    found = record(path)["_file"]
    assert found["changed_at"] == "2026-06-21T00:00:00+00:00"
    assert found["name"] == "a b.md"
    assert found["url"].endswith("/a%20b.md")


def test_local_epics_and_stories_load(landing: Landing) -> None:
    landing.write("kept.md", EPIC, root="epics")
    story = EPIC.replace(f"key: {KEY}", f"key: {KEY}-retry_backoff\nparent: {KEY}")
    landing.write("story.md", story, root="epics")
    landing.write("foreign.md", "---\nkey: my-notes\n---\n", root="epics")
    landing.write("broken.md", EPIC.replace("2026-09-01", "soon"), root="epics")
    load(landing)
    rows = landing.query(
        "select file, key, story_of_key, due_date, closed_on, estimate_days, assignee "
        "from raw.local__epics order by file"
    )
    assert [(row["file"], row["key"], row["story_of_key"]) for row in rows] == [
        ("foreign.md", None, None), ("kept.md", KEY, None), ("story.md", None, KEY),
    ]  # fmt: skip
    assert str(rows[1]["due_date"]) == "2026-09-01"
    assert str(rows[1]["closed_on"]) == "2026-07-01"
    assert (rows[1]["estimate_days"], rows[1]["assignee"]) == (5, "Ada")
    (bad,) = landing.query("select file, field from raw.quarantine")
    assert bad == {"file": "epics/broken.md", "field": "due_date"}


@pytest.mark.parametrize("kind", REMOTE)
def test_the_contracts_accept_what_trackers_say(landing: Landing, kind: str) -> None:
    vendor, is_jira = board(kind), kind != "azure_devops"
    epic = vendor.epic("check-out")
    below, theirs = vendor.story(epic, "retry_backoff"), vendor.story(epic)
    ada = {"displayName": "Ada"}
    if is_jira:
        planned = {"assignee": ada, "duedate": "2026-09-01", "timeoriginalestimate": 144_000}
        planned["resolutiondate"] = vendor.stamp()
        vendor.edit(vendor.issue(str(epic)), **planned)
    else:
        due_date = {"Microsoft_VSTS_Scheduling_TargetDate": "2026-09-01T00:00:00Z"}
        vendor.edit(epic, System_AssignedTo=ada, **due_date)
    vendor.alter(epic, state="done")
    later(vendor, timedelta(minutes=10))
    root = landing.roots["landing"]
    with serving(vendor) as url:
        sync(root, settings(kind, url), vendor.clock)
        vendor.remove(theirs)
        sync(root, settings(kind, url), later(vendor, timedelta(days=1, minutes=5)))
    load(landing)
    assert landing.query("select * from raw.quarantine") == []
    table = "jira__issues" if is_jira else "azure_devops__work_items"
    rows = {int(row["id"]): row for row in landing.query(f"select * from raw.{table}")}
    (key,) = (label for label in vendor.things()[epic].labels if label.startswith("paydown-"))
    assert {one: (row["epic_key"], row["story_of_key"]) for one, row in rows.items()} == {
        epic: (key, None), below: (None, key), theirs: (None, None),
    }  # fmt: skip
    first = rows[epic]
    page = "/browse/MOD-1" if is_jira else f"_workitems/edit/{epic}"
    assert first["url"].endswith(page)
    assert (first["assignee"], first["slo_burn"]) == ("Ada", 14.4)
    assert str(first["due_date"]) == "2026-09-01"
    closed_at = first["resolved_at"] if is_jira else first["closed_at"]
    assert abs(closed_at - NOW.replace(tzinfo=None)) < timedelta(seconds=1)
    parent = rows[below]["parent_key" if kind == "data_center" else "parent_id"]
    assert parent == ("MOD-1" if kind == "data_center" else str(epic))
    if is_jira:
        assert (first["status_category"], first["original_estimate_seconds"]) == ("done", 144_000)
    else:
        states = landing.query("select item_type, state, category from raw.azure_devops__states")
        assert {"item_type": "Epic", "state": "Closed", "category": "Completed"} in states
    source = "jira" if is_jira else "azure_devops"
    newest = f"_load_id = (select max(_load_id) from raw.{source}__sweep_items)"
    shown = landing.query(f"select id from raw.{source}__sweep_items where {newest}")
    assert {int(row["id"]) for row in shown} == {epic, below}


def test_the_ledgers_epics_load_and_are_written_only_when_they_change(landing: Landing) -> None:
    ledger = Ledger(f"sqlite:///{landing.home / 'ledger.db'}")
    folder = landing.roots["ledger"]
    answer: dict[str, Any] = {"tracker": "jira:acme/MOD", "problems": {KEY: "it is gone"}}
    export_epics(ledger, folder, **answer)
    assert not (landing.home / "ledger.db").exists()
    row: dict[str, Any] = {
        "tracker": "jira:acme/MOD",
        "service": "tür 'auf'",
        "cycle": 2,
        "state": EpicState.OPENED,
        "ref_id": "MOD-7",
        "url": "https://acme.example/browse/MOD-7",
        "opened_at": NOW,
    }
    before_key = KEY.replace("c2", "c1")
    with ledger.exclusive() as session:
        said = Evidence(("a", "b"), 24, "promote_to_epic", 18.2)
        previous = {"service_hash": "h" * 64, "previous_key": before_key}
        session.add(EpicRecord(**row, **previous, key=KEY, evidence=said, version="7"))
        # A story, whose own key stands for its service.
        session.add(
            EpicRecord(**row, key=f"{KEY}-retry_backoff", service_hash="s" * 64, parent_key=KEY)
        )
    export_epics(ledger, folder, **answer)
    path = folder / "epics.ndjson"
    before = path.stat()
    export_epics(ledger, folder, **answer)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert [one.name for one in folder.iterdir()] == ["epics.ndjson"]
    load(landing)
    (found,) = landing.query("select * from raw.paydown__epics")
    assert (found["key"], found["previous_key"]) == (KEY, before_key)
    assert found["service"] == "tür 'auf'"
    assert (found["cycle"], found["state"], found["ref_id"]) == (2, "opened", "MOD-7")
    assert found["opened_at"] == NOW.replace(tzinfo=None)
    assert found["closed_at"] is None
    assert (found["said_incident_ids"], found["said_score"]) == ("a,b", 24)
    assert (found["is_untouched"], found["is_attempted"]) == (True, False)
    assert (found["is_current_tracker"], found["state_problem"]) == (True, "it is gone")
