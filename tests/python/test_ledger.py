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

from orchestration.ledger import Claim, EpicRecord, EpicState, Evidence, Intent, Ledger, Writer

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
EVIDENCE = Evidence(("a", "b"), 24, "promote_to_epic", 18.2)
REF = ("MOD-1", "https://jira.example.com/browse/MOD-1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    return str(request.getfixturevalue("postgres"))


def writer(owner: str = "run-1", minutes: float = 0, *, takes_over: bool = False) -> Writer:
    at = NOW + timedelta(minutes=minutes)
    return Writer(owner, owner, at, timedelta(minutes=5), takes_over)


def intent(cycle: int = 1, **changes: Any) -> Intent:
    planned = Intent(
        key=f"paydown-gateway-0a1b2c3d-c{cycle}",
        service_hash="ab" * 32,
        service="gateway",
        cycle=cycle,
        previous_key=None,
        evidence=EVIDENCE,
        why="score 24",
        draft={"title": "Modernize gateway"},
    )
    return replace(planned, **changes)


KEY = intent().key


def claim(
    ledger: Ledger, by: Writer, wanted: Intent | None = None, tracker: str = "local"
) -> Claim:
    """As after a search right before."""
    wanted = wanted or intent()
    return ledger.claim(by, tracker, [wanted], by.at)[wanted.key]


def opened(ledger: Ledger) -> EpicRecord:
    claim(ledger, writer())
    return ledger.record_opened(writer(), "local", KEY, REF, NOW, EVIDENCE, is_adopted=False)


def claim_change(ledger: Ledger, by: Writer, count: int, score: int = 30) -> Claim:
    said = replace(EVIDENCE, score=score)
    return ledger.claim_change(by, "local", KEY, "change", count, said, {"why": "more"})


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.events("local", KEY)]


def test_reading_creates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    ledger = Ledger(f"sqlite:///{path}")
    assert ledger.records("local") == []
    assert ledger.events("local", KEY) == []
    assert not path.parent.exists()


def test_an_epic_lives_from_claim_to_closing(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.records("local") == []
    granted = claim(ledger, writer())
    assert (granted.is_granted, granted.was_attempted) == (True, False)
    assert ledger.records("local")[0].is_attempted
    ledger.record_opened(writer(), "local", KEY, REF, NOW, EVIDENCE, is_adopted=False)
    ledger.record_versions(writer(), "local", {KEY: "7"})

    closed_at = datetime(2026, 7, 1, 9, 30, 15, 250, UTC)
    ledger.record_closed(writer(), "local", KEY, closed_at, "done")

    (record,) = Ledger(url).records("local")
    assert record.state is EpicState.CLOSED
    assert (record.ref_id, record.url) == REF
    assert (record.opened_at, record.closed_at) == (NOW, closed_at)
    assert (record.evidence, record.version) == (EVIDENCE, "7")
    assert record.owner is record.attempted_at is None
    assert kinds(ledger) == ["claimed", "opened", "closed"]
    assert ledger.events("local", KEY)[0].detail == {
        "why": "score 24",
        "draft": {"title": "Modernize gateway"},
    }
    reopened = ledger.record_reopened(writer(), "local", KEY, "open")
    assert (reopened.state, reopened.version) == (EpicState.OPENED, None)


def test_what_others_have_begun_is_refused_until_its_lease_is_over(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer("run-1"))
    assert not claim(ledger, writer("run-2", 4.9)).is_granted
    # A search of before the end of the lease may have missed it, whenever the claim is made.
    early = ledger.claim(writer("run-2", 9), "local", [intent()], NOW + timedelta(minutes=4.9))
    assert not early[KEY].is_granted
    late = claim(ledger, writer("run-2", 5))
    assert (late.is_granted, late.was_attempted) == (True, True)
    assert late.attempted_evidence == EVIDENCE
    assert not claim(ledger, writer("run-1", 6)).is_granted
    assert claim(ledger, writer("run-2", 6)).is_granted, "its own it may renew"
    # Where the tracker creates a key once, nobody has to wait.
    assert claim(ledger, writer("run-3", 6, takes_over=True)).is_granted


def test_an_attempt_is_settled_once_it_can_not_turn_up_any_more(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer("dies"))
    assert ledger.record_missing(writer("next", 4.9), "local", [KEY], "gone") == set()
    assert ledger.record_missing(writer("next", 5), "local", [KEY, "k"], "gone") == {KEY}
    record = ledger.records("local")[0]
    assert (record.state, record.reason) == (EpicState.FAILED, "gone")


def test_an_epic_is_not_reopened_beside_the_next_one(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    ledger.record_closed(writer(), "local", KEY, NOW, "done")
    assert claim(ledger, writer("other"), intent(2, previous_key=KEY)).is_granted
    assert ledger.record_reopened(writer(), "local", KEY, "open").state is EpicState.CLOSED


def test_a_failed_epic_is_retried_with_fresh_evidence(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer())
    ledger.record_failure(writer(), "local", [KEY], "rejected", "field Team is required")
    record = ledger.records("local")[0]
    assert (record.state, record.reason) == (EpicState.FAILED, "field Team is required")

    fresh = replace(EVIDENCE, score=27)
    again = claim(ledger, writer("run-2"), intent(evidence=fresh))
    assert (again.is_granted, again.was_attempted) == (True, False)
    assert again.record.evidence == fresh


def test_one_unfinished_epic_a_service(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    assert claim(ledger, writer(), intent(2)).record.key == KEY
    adopted = ledger.adopt(writer(), "local", intent(2), ("MOD-2", ""), NOW)
    assert adopted.key == KEY
    ledger.record_closed(writer(), "local", KEY, NOW, "done")
    assert claim(ledger, writer(), intent(2)).is_granted
    # The other tracker's epics are its own.
    assert claim(ledger, writer(), tracker="jira:acme/MOD").is_granted


def test_the_database_itself_refuses_duplicates(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    columns: dict[str, Any] = {"tracker": "local", "service_hash": "ab" * 32, "service": "g"}
    for row in (
        EpicRecord(key="other", cycle=1, state=EpicState.CLOSED, **columns),
        EpicRecord(key="other", cycle=2, state=EpicState.INTENDED, **columns),
        EpicRecord(key=KEY, cycle=3, state=EpicState.CLOSED, **columns),
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

    by = writer("run-2", 5)
    assert ledger.record_changed(by, "local", KEY, change_id)
    assert not ledger.record_changed(writer("run-1", 5), "local", KEY, change_id)
    record = ledger.records("local")[0]
    assert (record.evidence, record.update_count) == (replace(EVIDENCE, score=30), 1)
    # What was said before is said by another id.
    for count, score in ((1, 31), (2, 30), (3, 31)):
        claimed = claim_change(ledger, writer("run-3", 9), count, score)
        assert (claimed.is_granted, claimed.was_attempted) == (True, False)
        by = writer("run-3", 9)
        ledger.record_failure(by, "local", [KEY], "change_ambiguous", "502", was_pending=True)
    ids = {e.detail.get("change_id") for e in ledger.events("local", KEY)} - {None}
    assert len(ids) == 4


def test_a_change_that_was_certainly_not_made_leaves_nothing_pending(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    claim_change(ledger, writer(), 0)
    ledger.record_failure(
        writer(), "local", [KEY], "change_rejected", "too long", was_pending=False
    )
    record = ledger.records("local")[0]
    assert (record.pending_change_id, record.reason) == (None, "too long")
    assert claim_change(ledger, writer("next"), 1).is_granted


def test_what_was_pending_when_a_person_closed_it_is_pending_when_reopened(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    claim_change(ledger, writer(), 0)
    assert ledger.record_closed(writer(), "local", KEY, NOW, "Done").pending_change_id
    assert not claim_change(ledger, writer("run-2"), 1).is_granted
    ledger.record_reopened(writer(), "local", KEY, "To Do")
    assert claim_change(ledger, writer("run-2"), 1).was_attempted


def test_a_story_that_a_person_closed_keeps_its_epic_from_being_closed(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    ledger.record_versions(writer(), "local", {KEY: "7"})
    story = intent(key=f"{KEY}-x", service_hash="cd" * 32, parent_key=KEY, evidence=None)
    claim(ledger, writer(), story)
    ledger.record_opened(writer(), "local", story.key, REF, NOW, None, is_adopted=False)
    ledger.record_closed(writer(), "local", story.key, NOW, "Done")
    assert {r.key: r.version for r in ledger.records("local")}[KEY] is None


def test_history_holds_no_secret(url: str) -> None:
    ledger = Ledger(url)
    claim(ledger, writer())
    reason = (
        "GET https://bot:hunter2@jira.example.com/x?token=hunter2&y=1 Authorization: Basic "
        "aHVudGVyMjpodW50ZXIy failed"
    )
    ledger.record_failure(writer(), "local", [KEY], "unavailable", reason)
    shown = f"{ledger.records('local')} {ledger.events('local', KEY)}"
    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown
    assert "jira.example.com/x" in shown


def test_evidence_is_a_set_of_incidents() -> None:
    same = Evidence(("a", "b"), 24, "x", 1.5)
    assert Evidence(("b", "a", "a"), 24, "x", 1.5).json == same.json
    for change in ({"incident_ids": ("a",)}, {"score": 25}, {"band": "y"}, {"slo_burn": 2}):
        assert replace(same, **change).json != same.json


@pytest.mark.parametrize("bad", ["sqlite://", "mysql+pymysql://x/y"])
def test_only_databases_that_can_hold_it(bad: str) -> None:
    with pytest.raises(ValueError, match="the ledger needs"):
        Ledger(bad)


def test_racing_first_writers_create_one_schema_and_one_attempt(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = pool.map(lambda n: claim(Ledger(url), writer(f"run-{n}")), range(8))
    assert sum(claimed.is_granted for claimed in claims) == 1
    assert kinds(Ledger(url)) == ["claimed"]


def drive(mode: str, url: str, directory: Path, kind: str, count: int) -> dict[str, Any]:
    module = "tests.python.epics_driver"
    done = subprocess.run(
        [sys.executable, "-m", module, mode, url, str(directory), kind, "2026", str(count)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_nothing_twice_and_nothing_lost(happened: dict[str, Any]) -> None:
    """Of epics, stories, comments, closings and figures; and then there is nothing left to do."""
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


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("decisions")
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_kills_lose_nothing_and_open_nothing_twice(url: str, tmp_path: Path, kind: str) -> None:
    count = 12
    happened = drive("kills", url, tmp_path / "epics", kind, count)
    assert sum(happened["points"].values()) == count
    assert len(happened["points"]) >= 4
    assert_nothing_twice_and_nothing_lost(happened)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("decisions")
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_racing_runs_open_nothing_twice(url: str, tmp_path: Path, kind: str) -> None:
    happened = drive("races", url, tmp_path / "epics", kind, 4)
    assert_nothing_twice_and_nothing_lost(happened)


def test_older_ledgers_go_on_working(url: str) -> None:
    opened(Ledger(url))
    engine = create_engine(url)
    figures = json.dumps({"score": 24, "slo_burn": 18.2, "budget_usd": 1})
    said = json.dumps({"incident_ids": ["a", "b"], "score": 24, "band": "promote_to_epic"})
    with engine.begin() as connection:
        # As it was when figures were written apart, and closing looked into the history.
        connection.execute(text("alter table ledger_epics add column figures text"))
        connection.execute(
            text("update ledger_epics set figures = :f, evidence = :e"), {"f": figures, "e": said}
        )
        connection.execute(text("alter table ledger_epics drop column version"))
    (record,) = Ledger(url).records("local")
    assert (record.key, record.evidence, record.version) == (KEY, EVIDENCE, None)
    with engine.begin() as connection:
        # As it was before there were stories.
        for column in ("parent_key", "team", "shared_key", "pending_evidence"):
            connection.execute(text(f"alter table ledger_epics drop column {column}"))
    engine.dispose()
    old = Ledger(url)
    assert [r.key for r in old.records("local")] == [KEY]
    claimed = claim_change(old, writer(), 0)
    assert old.record_changed(writer(), "local", KEY, claimed.record.pending_change_id or "")
    story = intent(key=f"{KEY}-x", service_hash="cd" * 32, parent_key=KEY, evidence=None)
    assert claim(old, writer(), story).is_granted
    assert [r.key for r in Ledger(url).records("local") if r.parent_key] == [story.key]
