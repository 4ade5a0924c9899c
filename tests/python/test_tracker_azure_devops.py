"""Epics and stories in Azure DevOps: opened once, found again, rehearsed without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from orchestration.trackers.azure_devops import AzureDevOpsTracker

from orchestration.trackers.protocol import EpicRef, EpicStatus, Rehearsal, RejectedError

from .azure_devops_helpers import (
    KEY,
    draft,
    fields,
    opened,
    sent,
    serving_as_described,
    tracker_at,
)
from .vendor_azure_devops import ORGANIZATION, PAT, PROJECT, AzureDevOps, Type


@pytest.fixture
def vendor() -> AzureDevOps:
    return AzureDevOps()


@pytest.fixture
def url(vendor: AzureDevOps) -> Iterator[str]:
    with serving_as_described(vendor) as address:
        yield address


@pytest.fixture
def tracker(url: str) -> AzureDevOpsTracker:
    return tracker_at(url)


def test_an_epic_says_and_holds_all(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    ref = opened(tracker)
    assert ref == EpicRef(KEY, "4711", f"{url}/{ORGANIZATION}/{PROJECT}/_workitems/edit/4711")
    assert fields(vendor, ref) | {"Microsoft.VSTS.Common.StateChangeDate": ""} == {
        "System.TeamProject": PROJECT,
        "System.WorkItemType": "Epic",
        "System.State": "New",
        "System.Title": "Modernize gateway: score 24",
        "System.Description": "<p>Retries &lt;amplify&gt; load</p><ul><li>☐ Time-outs</li></ul>",
        "System.Tags": f"{KEY}; incident-modernization",
        "System.AreaPath": f"{PROJECT}\\Edge",
        "System.AssignedTo": "edge@example.com",
        "Microsoft.VSTS.Common.Priority": 2,
        "Microsoft.VSTS.Common.StateChangeDate": "",
        "Custom.Score": 24,
        "Custom.SLOBurn": 18.2,
        "Microsoft.VSTS.Scheduling.Effort": 5.0,
        "Custom.Budget": 4500.0,
        "Custom.Maturity": "silver",
        "Custom.Risk": "RISK-7, RISK-9",
        "Microsoft.VSTS.Scheduling.TargetDate": "2026-08-10T12:00:00Z",
    }
    assert tracker.name == f"azure_devops:{url.removeprefix('http://')}/acme/modernization"


def test_a_story_is_linked_to_its_epic(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    epic = opened(tracker)
    story = opened(tracker, draft(f"{KEY}-s1", parent=epic))
    assert fields(vendor, story)["System.WorkItemType"] == "User Story"
    link = vendor.updates[int(story.id)][0]["relations"]["added"][0]
    assert link["rel"] == "System.LinkTypes.Hierarchy-Reverse"
    assert link["url"].endswith(f"/_apis/wit/workItems/{epic.id}")
    vendor.delete(int(epic.id))
    orphan = tracker.create([draft(f"{KEY}-s2", parent=epic)])[f"{KEY}-s2"]
    assert isinstance(orphan, RejectedError)
    assert "restore that work item" in str(orphan)


def test_n_epics_take_n_requests_and_a_few(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    for number in range(40):
        opened(tracker, draft(f"{KEY}-{number}"))
    assert len(vendor.requests) == 40 + 2
    assert tracker.batch_size == 1


def test_a_run_with_nothing_new_is_one_request_a_page(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker, url: str
) -> None:
    refs = [opened(tracker, draft(f"{KEY}-{number}")) for number in range(230)]
    tracker = tracker_at(url)
    sent(vendor)
    assert all(isinstance(one, EpicStatus) for one in tracker.status(refs).values())
    assert sent(vendor) == ["POST workitemsbatch", "POST workitemsbatch", "GET workitemtypes"]
    vendor.tick()
    assert len(tracker.find([ref.key for ref in refs])) == 230
    assert sent(vendor) == ["POST wiql", *["POST workitemsbatch"] * 2]
    assert tracker.find([]) == {}
    assert tracker.status([]) == {}
    assert sent(vendor) == []


def test_a_rehearsal_writes_nothing_and_tells_what_it_would_send(
    vendor: AzureDevOps, url: str
) -> None:
    vendor.types["Epic"] = Type(
        fields=[name for name in Type().fields if name != "Custom.SLOBurn"],
        allowed={"Custom.Maturity": ["Bronze", "Gold"]},
    )
    tracker = tracker_at(url)
    good = draft(owner="group:default/nobody")
    rehearsed = tracker.rehearse([good, draft("other", risk_ids=())])
    first = rehearsed[KEY]
    assert isinstance(first, Rehearsal)
    assert first.request[0] == {"op": "add", "path": "/fields/System.Title", "value": good.title}
    assert first.notes == (
        "the owner group:default/nobody is not in `owners`, so the work item is nobody's",
        "Epic has no field Custom.SLOBurn, so slo_burn is not filled there",
        "Custom.Maturity takes only Bronze, Gold, so target_maturity (silver) is not filled there",
    )
    assert PAT not in str(first)
    assert vendor.items == {}
    # What was rehearsed is what is created.
    before = [request.body for request in vendor.requests if request.method == "POST"]
    opened(tracker, good)
    assert vendor.requests[-1].body == before[0]


def test_tags_hold_no_separators_and_are_at_most_100(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    labels = ("risk;high,urgent", *(f"label-{number}" for number in range(150)))
    ref = opened(tracker, draft(labels=labels))
    tags = fields(vendor, ref)["System.Tags"].split("; ")
    assert tags[:3] == [KEY, "risk-high-urgent", "label-0"]
    assert len(tags) == 100


def test_finds_after_the_lag_and_only_whole_keys(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    ref = opened(tracker)
    opened(tracker, draft(f"{KEY}2"))
    assert tracker.find([KEY]) == {}
    assert tracker.search_lag_seconds >= vendor.lag_seconds
    vendor.tick(tracker.search_lag_seconds)
    assert tracker.find([KEY, "it's not there"]) == {KEY: ref}
    # Somebody wrote the tag first, with capitals.
    vendor.edit(int(ref.id), System_Tags=KEY.upper())
    vendor.tick()
    assert tracker.find([KEY]) == {KEY: ref}
    # The index still has what the work item lost.
    vendor.edit(int(ref.id), System_Tags="")
    assert tracker.find([KEY]) == {}


def test_of_duplicates_the_older_is_found(vendor: AzureDevOps, tracker: AzureDevOpsTracker) -> None:
    older, newer = opened(tracker), opened(tracker)
    vendor.tick()
    assert older.id != newer.id
    assert tracker.find([KEY]) == {KEY: replace(older, others=(newer.id,))}


def test_many_keys_are_asked_in_queries_of_a_safe_length(
    vendor: AzureDevOps, tracker: AzureDevOpsTracker
) -> None:
    refs = {f"paydown-{'x' * 40}-{n:04}": n for n in range(600)}
    wanted = opened(tracker, draft(next(reversed(refs))))
    vendor.tick()
    sent(vendor)
    assert tracker.find(refs) == {wanted.key: wanted}
    assert sent(vendor) == ["POST wiql", "POST wiql", "POST wiql", "POST workitemsbatch"]
