"""The ledger on SQLite and PostgreSQL: states, claims, races and kills."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from orchestration.ledger import Claim, EpicRecord, EpicState, Evidence, Ledger, Writer

from .fake_tracker import NOW
from .flow_helpers import ROOT

EVIDENCE = Evidence(("a", "b"), 24, "promote_to_epic", 18.2)
REF = ("MOD-1", "https://jira.example.com/browse/MOD-1")
DRAFT = {"why": "score 24", "draft": {"title": "Modernize gateway"}}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    return str(request.getfixturevalue("postgres"))


def writer(
    owner: str = "run-1", minutes: float = 0, tracker: str = "local", *, takes_over: bool = False
) -> Writer:
    at = NOW + timedelta(minutes=minutes)
    return Writer(tracker, owner, owner, at, timedelta(minutes=5), takes_over)


def wanted(cycle: int = 1, **columns: Any) -> EpicRecord:
    given: dict[str, Any] = {
        "tracker": "local",
        "key": f"paydown-gateway-0a1b2c3d-c{cycle}",
        "service_hash": "ab" * 32,
        "service": "gateway",
        "cycle": cycle,
        "evidence": EVIDENCE,
    }
    return EpicRecord(**given | columns)


KEY = wanted().key
STORY: dict[str, Any] = {"key": f"{KEY}-x", "service_hash": "cd" * 32, "parent_key": KEY}


def claim(ledger: Ledger, by: Writer, record: EpicRecord | None = None) -> Claim:
    """As after a search right before."""
    record = record or wanted()
    return ledger.claim(by, record, by.at, DRAFT)


def opened(ledger: Ledger) -> EpicRecord:
    claim(ledger, writer())
    return ledger.record_opened(writer(), wanted(), REF, NOW, is_ours=True)


def claim_change(ledger: Ledger, by: Writer, count: int, score: int = 30) -> Claim:
    said = replace(EVIDENCE, score=score)
    return ledger.claim_change(by, KEY, "change", count, said, {"why": "more"})


def record(ledger: Ledger) -> EpicRecord:
    return {r.key: r for r in ledger.records("local")}[KEY]


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.events("local", KEY)]


def test_an_epic_lives_from_claim_to_closing(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.records("local") == ledger.events("local", KEY) == []
    granted = claim(ledger, writer())
    assert (granted.is_granted, granted.was_attempted) == (True, False)
    assert record(ledger).is_attempted
    ledger.record_opened(writer(), wanted(), REF, NOW, is_ours=True)
    ledger.record_versions(writer(), {KEY: "7"})

    closed_at = datetime(2026, 7, 1, 9, 30, 15, 250, UTC)
    ledger.record_closed(writer(), KEY, closed_at, "done")
    closed = record(Ledger(url))
    assert closed.state is EpicState.CLOSED
    assert (closed.ref_id, closed.url) == REF
    assert (closed.opened_at, closed.closed_at) == (NOW, closed_at)
    assert (closed.evidence, closed.version) == (EVIDENCE, "7")
    assert closed.owner is closed.attempted_at is None
    assert kinds(ledger) == ["claimed", "opened", "closed"]
    assert ledger.events("local", KEY)[0].detail == DRAFT
    reopened = ledger.record_reopened(writer(), KEY, "open")
    assert (reopened.state, reopened.version) == (EpicState.OPENED, None)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    assert Ledger(f"sqlite:///{path}").records() == []
    assert not path.parent.exists()


def test_what_others_have_begun_is_refused_until_its_lease_is_over(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer("run-1"))
    assert not claim(ledger, writer("run-2", 4.9)).is_granted
    # A search of before the end of the lease may have missed it, whenever the claim is made.
    searched_at = NOW + timedelta(minutes=4.9)
    assert not ledger.claim(writer("run-2", 9), wanted(), searched_at, DRAFT).is_granted
    late = claim(ledger, writer("run-2", 5))
    assert (late.is_granted, late.was_attempted) == (True, True)
    assert not claim(ledger, writer("run-1", 6)).is_granted
    assert claim(ledger, writer("run-2", 6)).is_granted, "its own it may renew"
    # Where the tracker creates a key once, nobody has to wait.
    assert claim(ledger, writer("run-3", 6, takes_over=True)).is_granted


def test_what_is_found_says_what_its_attempt_intended(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer("dies"))
    newer = wanted(evidence=replace(EVIDENCE, score=30))
    found = ledger.record_opened(writer("next"), newer, REF, NOW)
    assert (found.evidence, found.opened_at) == (EVIDENCE, NOW)
    again = ledger.record_opened(writer("next"), newer, ("MOD-2", ""), NOW)
    assert again.ref_id == "MOD-1", "the first one counts, and the second is in the history"
    assert kinds(ledger) == ["claimed", "adopted", "duplicate"]
    unknown = ledger.record_opened(writer(), wanted(key="k", service_hash="h"), REF, NOW)
    assert unknown.evidence is unknown.opened_at is None


def test_one_unfinished_epic_a_service(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    assert claim(ledger, writer(), wanted(2)).record.key == KEY
    assert ledger.record_opened(writer(), wanted(2), ("MOD-2", ""), NOW).key == KEY
    ledger.record_closed(writer(), KEY, NOW, "done")
    assert claim(ledger, writer("other"), wanted(2, previous_key=KEY)).is_granted
    assert ledger.record_reopened(writer(), KEY, "open").state is EpicState.CLOSED
    # The other tracker's epics are its own.
    other = "jira:acme/MOD"
    assert claim(ledger, writer(tracker=other), wanted(tracker=other)).is_granted


def test_the_database_itself_refuses_duplicates(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    for row in (
        wanted(key="other", state=EpicState.CLOSED),
        wanted(2, key="other"),
        wanted(3, key=KEY, state=EpicState.CLOSED),
    ):
        with pytest.raises(IntegrityError), ledger.exclusive() as session:  # noqa: PT012
            session.add(row)
            session.flush()
    assert len(ledger.records("local")) == 1


def test_a_change_is_sent_once_and_only_on_top_of_what_it_builds_on(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    first = claim_change(ledger, writer("run-1"), 0)
    change_id = first.record.pending_change_id or ""
    assert (first.is_granted, first.was_attempted) == (True, False)
    assert not claim_change(ledger, writer("run-2"), 0).is_granted, "decided before it was begun"
    assert not claim_change(ledger, writer("run-2"), 1).is_granted, "it may be under way"
    after_crash = claim_change(ledger, writer("run-2", 5), 1)
    assert (after_crash.is_granted, after_crash.was_attempted) == (True, True)
    assert after_crash.record.pending_change_id == change_id

    for owner in ("run-2", "run-1"):
        ledger.record_changed(writer(owner, 5), KEY, change_id)
    assert kinds(ledger).count("changed") == 1
    assert (record(ledger).evidence, record(ledger).update_count) == (
        replace(EVIDENCE, score=30),
        1,
    )
    # What was said before is said by another id.
    for count, score in ((1, 31), (2, 30), (3, 31)):
        claimed = claim_change(ledger, writer("run-3", 9), count, score)
        assert (claimed.is_granted, claimed.was_attempted) == (True, False)
        by = writer("run-3", 9)
        ledger.record_failure(by, KEY, "change_ambiguous", "502", was_pending=True)
    ids = {e.detail.get("change_id") for e in ledger.events("local", KEY)} - {None}
    assert len(ids) == 4


def test_a_change_that_was_certainly_not_made_leaves_nothing_pending(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    claim_change(ledger, writer(), 0)
    ledger.record_failure(writer(), KEY, "change_rejected", "too long")
    assert (record(ledger).pending_change_id, record(ledger).reason) == (None, "too long")
    # What is pending when a person closes it is pending when it is reopened.
    assert claim_change(ledger, writer("next"), 1).is_granted
    assert ledger.record_closed(writer(), KEY, NOW, "Done").pending_change_id
    assert not claim_change(ledger, writer("run-2"), 2).is_granted
    ledger.record_reopened(writer(), KEY, "To Do")
    assert claim_change(ledger, writer("run-2"), 2).was_attempted


def test_history_holds_no_secret(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer())
    reason = (
        "GET https://bot:hunter2@jira.example.com/x?token=hunter2&y=1 Authorization: Basic "
        "aHVudGVyMjpodW50ZXIy failed"
    )
    ledger.record_failure(writer(), KEY, "unavailable", reason)
    shown = f"{ledger.records('local')} {ledger.events('local', KEY)}"
    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown
    assert "jira.example.com/x" in shown


def test_evidence_is_a_set_of_incidents() -> None:
    assert Evidence(("b", "a", "a"), 24, "promote_to_epic", 18.2) == EVIDENCE


def test_racing_first_writers_create_one_schema_and_one_attempt(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = pool.map(lambda n: claim(Ledger(url), writer(f"run-{n}")), range(8))
    assert sum(claimed.is_granted for claimed in claims) == 1
    assert kinds(Ledger(url)) == ["claimed"]


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("decisions")
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite", "local"),
        ("sqlite", "remote"),
        ("postgresql", "remote"),
        pytest.param("postgresql", "local", marks=pytest.mark.slow),
    ],
    indirect=["url"],
)
@pytest.mark.parametrize(
    ("mode", "count"),
    [("kills", 8), ("races", 4), pytest.param("kills", 60, marks=pytest.mark.slow)],
)
def test_killed_and_racing_runs_lose_nothing_and_open_nothing_twice(
    url: str, tmp_path: Path, kind: str, mode: str, count: int
) -> None:
    command = [sys.executable, "-m", "tests.python.epics_driver", mode, url]
    done = subprocess.run(
        [*command, str(tmp_path / "epics"), kind, "2026", str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1700,
    )
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)
    if mode == "kills":
        assert sum(happened["points"].values()) == count
        assert len(happened["points"]) >= min(count // 3, 4)
    # Of epics, stories, comments, closings and figures; and then there is nothing left to do.
    assert happened["is_quiet"]
    for fault in (
        "duplicates",
        "lost",
        "unknown_to_ledger",
        "notified_twice",
        "not_closed",
        "closed_wrongly",
        "wrong_states",
        "stale_figures",
        "problems",
    ):
        assert not happened[fault], (fault, happened)
    assert happened["keys"] > happened["epics"], "stories too"
    assert happened["comments"]
    assert happened["closed"]


def test_older_ledgers_go_on_working(url: str) -> None:
    opened(Ledger(url))
    engine = create_engine(url)
    with engine.begin() as connection:
        for column in ("parent_key", "team", "shared_key", "pending_evidence", "version"):
            connection.execute(text(f"alter table ledger_epics drop column {column}"))
    engine.dispose()
    old = Ledger(url)
    assert (record(old).evidence, record(old).version) == (EVIDENCE, None)
    claimed = claim_change(old, writer(), 0)
    old.record_changed(writer(), KEY, claimed.record.pending_change_id or "")
    assert claim(old, writer(), wanted(**STORY)).is_granted
    assert [r.key for r in Ledger(url).records("local") if r.parent_key] == [f"{KEY}-x"]
