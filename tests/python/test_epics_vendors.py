"""The publisher on loopback Jira and Azure DevOps, which lag, break, storm and forbid."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run
from orchestration.http import Patience
from orchestration.ledger import Ledger
from orchestration.trackers.protocol import Tracker

from .decisions import publish
from .epics_world import row, services
from .fake_tracker import NOW
from .loopback import IMPATIENT, Answer, Request, serving
from .tracker_helpers import REMOTE, tracker_at, vendor_of
from .vendor_jira import Jira

pytestmark = pytest.mark.usefixtures("decisions")
STORY = {"fix_classes": "config_only"}


def rows(count: int, **columns: Any) -> list[dict[str, Any]]:
    return [row(f"s{n}", score_rank=n, **{"project_key": ""} | columns) for n in range(count)]


def over(count: int, **columns: Any) -> list[dict[str, Any]]:
    return rows(count, decision="close", score=3, **columns)


@dataclass
class Site:
    """A vendor's server, a ledger, and runs against both in the server's time."""

    vendor: Any
    url: str
    ledger: Ledger
    patience: Patience = IMPATIENT

    @property
    def is_jira(self) -> bool:
        return isinstance(self.vendor, Jira)

    @property
    def tracker(self) -> Tracker:
        """A fresh one, as each run has it."""
        return tracker_at(self.vendor, self.url, replace(self.patience, sleep=self.vendor.tick))

    def publish(
        self, rows: list[dict[str, Any]], *, later: float = 0, **options: Any
    ) -> EpicsReport:
        self.vendor.tick(later)
        self.vendor.requests.clear()
        vendor = self.vendor
        run = Run(self.ledger, self.tracker, "run", NOW, vendor.now)
        return publish(rows, run, **options)

    @property
    def asked(self) -> list[str]:
        """The requests of the last run, as method and path."""
        return [f"{request.method} {request.path}" for request in self.vendor.requests]

    @property
    def writes(self) -> list[str]:
        return list(filter(is_write, self.asked))

    @property
    def count(self) -> int:
        return len(self.vendor.issues if self.is_jira else self.vendor.items)

    def break_next(self, wanted: str, *faults: Literal["slow", "502", "409"]) -> None:
        """Let the next writes whose path holds `wanted` fail; but for 409, they are done first."""
        waiting, answer = list(faults), self.vendor.answer

        def broken(request: Request) -> Answer:
            if not waiting or wanted not in request.path or request.method == "GET":
                return answer(request)
            fault = waiting.pop(0)
            if fault == "409":
                return Answer({"message": "somebody else was faster"}, 409)
            done = answer(request)
            if fault == "502":
                return Answer(b"<html>bad gateway</html>", 502, {"Content-Type": "text/html"})
            time.sleep(2 * self.patience.reply_seconds)
            return done

        self.vendor.answer = broken

    @property
    def kinds(self) -> set[str]:
        """Of everything that happened, by the ledger."""
        records = self.ledger.records()
        return {e.kind for r in records for e in self.ledger.events(r.tracker, r.key)}

    @property
    def updating(self) -> str:
        return "/comment" if self.is_jira else "/workitems/"

    @property
    def comments(self) -> list[str]:
        """Comments of ours that the server keeps."""
        if self.is_jira:
            return [str(c) for issue in self.vendor.issues.values() for c in issue.comments]
        updates = [str(u) for updates in self.vendor.updates.values() for u in updates]
        return [u for u in updates if "System.History" in u and "change-" in u]

    @property
    def states(self) -> list[str]:
        """Of everything on the server, in the order in which it was opened."""
        if self.is_jira:
            return [issue.fields["status"] for issue in self.vendor.issues.values()]
        return [item["fields"]["System.State"] for item in self.vendor.items.values()]


def is_write(asked: str) -> bool:
    method, path = asked.split(" ", 1)
    questions = ("search", "bulkfetch", "wiql", "workitemsbatch", "parse")
    return method in ("POST", "PUT", "PATCH") and not any(word in path for word in questions)


@pytest.fixture(params=REMOTE)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    vendor = vendor_of(request.param)
    with serving(vendor) as url:
        yield Site(vendor, url, Ledger(f"sqlite:///{tmp_path / 'ledger.db'}"))


def test_epics_and_stories_are_opened_by_a_request_each_and_then_there_is_silence(
    site: Site,
) -> None:
    both = rows(12, fix_classes="config_only,code_refactor")
    preview = site.publish(both[:2], dry_run=True)
    assert "Modernize s0" in str(preview.opened[0].preview)
    assert (len(preview.opened), len(preview.stories)) == (2, 4)
    assert not [write for write in site.writes if "$" not in write]
    assert (site.count, site.ledger.records()) == (0, [])

    report = site.publish(both)
    assert (len(report.opened), len(report.stories), report.failed) == (12, 24, ())
    assert site.count == 36
    assert len(site.writes) == 36

    assert not site.publish(both, later=3600).has_changes
    assert site.writes == []
    # At most one a page, and one to learn who or where we are; Data Center reads one by one.
    assert len(site.asked) <= (12 if site.is_jira and not site.vendor.is_cloud else 2), site.asked


@pytest.mark.parametrize("fault", ["slow", "502"])
def test_what_was_done_though_its_answer_was_lost_is_done_once(
    site: Site, fault: Literal["slow", "502"]
) -> None:
    site.patience = replace(IMPATIENT, reply_seconds=0.2)
    site.break_next("/issue" if site.is_jira else "/workitems/$", fault)
    assert len(site.publish(rows(3)).opened) == 2
    assert "ambiguous" in site.kinds
    assert site.count == 3
    assert not site.publish(rows(3), later=3600).has_changes

    site.break_next(site.updating, fault)
    site.publish(rows(1, score=27))
    assert "change_ambiguous" in site.kinds
    site.publish(rows(1, score=27), later=24 * 3600)
    assert not site.publish(rows(1, score=27), later=24 * 3600).has_changes
    assert (site.count, len(site.comments)) == (3, 1)


def edit(site: Site, ref_id: str) -> None:
    """What a person does to an epic."""
    if site.is_jira:
        site.vendor.edit(site.vendor.issues[ref_id], priority={"name": "High"})
    else:
        site.vendor.edit(int(ref_id), **{"Microsoft.VSTS.Common.Priority": 1})


def test_hygiene_closes_what_nobody_touched_and_leaves_the_rest(site: Site) -> None:
    site.publish(rows(2, **STORY))
    assert len(site.publish(rows(2, score=27, **STORY), later=3600).updated) == 2
    edit(site, next(r.ref_id or "" for r in site.ledger.records() if r.service == "s1"))
    report = site.publish(over(2, **STORY), later=3600)
    assert services(report.closed) == ["s0"]
    assert services(report.closed_as_hygiene) == ["s1"]
    assert not site.publish(over(2, **STORY), later=3600).has_changes
    assert site.writes == []
    assert len(site.asked) <= 3, site.asked


def test_a_person_who_objects_while_its_stories_are_closed_keeps_the_epic(site: Site) -> None:
    site.publish(rows(1, **STORY))
    epic = next(r.ref_id or "" for r in site.ledger.records() if not r.parent_key)

    def before(request: Request) -> None:
        if request.method != "GET" and any(w in request.path for w in ("/transi", "/workitems/")):
            site.vendor.before = lambda _: None
            edit(site, epic)

    site.vendor.before = before
    assert len(site.publish(over(1, **STORY), later=3600).closed_as_hygiene) == 1
    assert site.states == (["To Do", "Done"] if site.is_jira else ["New", "Closed"])
    assert "changed_by_others" in site.kinds
