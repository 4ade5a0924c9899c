"""The ledger on SQLite and PostgreSQL: states, claims, races and kills."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError

from orchestration.ledger import Claim, EpicState, Evidence, Figures, Hold, Intent, Ledger, Told
from orchestration.ledger.models import EpicRow

DRIVER = Path(__file__).with_name("epics_driver.py")
REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
EVIDENCE = Evidence(("a", "b"), 24, "promote_to_epic")
FIGURES = Figures(score=24, slo_burn=18.2, estimate_days=5, budget_usd=4500.5)
TOLD = Told(EVIDENCE, FIGURES)
REF = ("MOD-1", "https://jira.example.com/browse/MOD-1")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty ledger."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"
    server = make_url(request.getfixturevalue("postgres"))
    schema = re.sub(r"\W", "_", tmp_path.name)
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f'create schema "{schema}"'))
    engine.dispose()
    server = server.update_query_dict({"options": f"-csearch_path={schema}"})
    return server.render_as_string(hide_password=False)


def hold(owner: str = "run-1", minutes: float = 0, *, takes_over: bool = False) -> Hold:
    at = NOW + timedelta(minutes=minutes)
    return Hold(owner, owner, at, at + timedelta(minutes=5), takes_over)


def intent(cycle: int = 1, **changes: Any) -> Intent:
    planned = Intent(
        key=f"paydown-gateway-0a1b2c3d-c{cycle}",
        service_hash="ab" * 32,
        service="gateway",
        cycle=cycle,
        previous_key=None,
        told=TOLD,
        why="score 24",
        draft={"title": "Modernize gateway"},
    )
    return replace(planned, **changes)


KEY = intent().key


def opened(ledger: Ledger) -> None:
    ledger.claim(hold(), "local", [intent()])
    ledger.start_attempt(hold(), "local", {KEY: TOLD})
    ledger.record_opened(hold(), "local", KEY, REF, NOW, TOLD, is_adopted=False)


def claim_change(ledger: Ledger, held: Hold, change_id: str, count: int) -> Claim:
    return ledger.claim_change(
        held, "local", KEY, change_id, count, EVIDENCE, FIGURES, "update", {"why": "more"}
    )


def kinds(ledger: Ledger) -> list[str]:
    return [event.kind for event in ledger.events("local", KEY)]


def test_reading_creates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ledger.db"
    ledger = Ledger(f"sqlite:///{path}")
    assert ledger.records("local") == []
    assert ledger.events("local", KEY) == []
    assert not path.parent.exists()


def test_an_epic_lives_from_intent_to_closing(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.records("local") == []
    claims = ledger.claim(hold(), "local", [intent()])
    assert claims[KEY].is_granted
    assert not claims[KEY].was_attempted
    assert ledger.records("local")[0].state is EpicState.INTENDED
    assert ledger.start_attempt(hold(), "local", {KEY: TOLD}) == {KEY}
    ledger.record_opened(hold(), "local", KEY, REF, NOW, TOLD, is_adopted=False)

    closed_at = datetime(2026, 7, 1, 9, 30, 15, 250, UTC)
    ledger.record_closed(hold(), "local", KEY, closed_at, "done")

    (record,) = Ledger(url).records("local")
    assert record.state is EpicState.CLOSED
    assert (record.ref_id, record.url) == REF
    assert (record.opened_at, record.closed_at) == (NOW, closed_at)
    assert record.evidence == EVIDENCE
    assert record.owner is None
    assert record.lease_until is None
    assert kinds(ledger) == ["intended", "attempted", "opened", "closed"]
    assert ledger.events("local", KEY)[0].detail == {
        "why": "score 24",
        "draft": {"title": "Modernize gateway"},
    }
    assert ledger.record_reopened(hold(), "local", KEY, "open").state is EpicState.OPENED


def test_a_leased_claim_is_refused_to_others_until_the_lease_is_over(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold("run-1"), "local", [intent()])
    ledger.start_attempt(hold("run-1"), "local", {KEY: TOLD})

    assert not ledger.claim(hold("run-2", 4.9), "local", [intent()])[KEY].is_granted
    assert ledger.start_attempt(hold("run-2", 4.9), "local", {KEY: TOLD}) == set()
    late = ledger.claim(hold("run-2", 5), "local", [intent()])[KEY]
    assert late.is_granted
    assert late.was_attempted
    assert ledger.start_attempt(hold("run-1", 5), "local", {KEY: TOLD}) == set()


def test_a_claim_of_which_nothing_was_sent_is_free_for_others(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold("dies"), "local", [intent()])
    claim = ledger.claim(hold("next", 1), "local", [intent()])[KEY]
    assert (claim.is_granted, claim.was_attempted) == (True, False)
    assert ledger.start_attempt(hold("dies", 1), "local", {KEY: TOLD}) == set()
    assert ledger.start_attempt(hold("next", 1), "local", {KEY: TOLD}) == {KEY}


def test_what_is_given_back_is_free_and_keeps_what_was_attempted(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold("dies"), "local", [intent()])
    ledger.start_attempt(hold("dies"), "local", {KEY: TOLD})
    assert ledger.claim(hold("next", 5), "local", [intent()])[KEY].was_attempted
    ledger.give_back(hold("dies", 5), "local", [KEY], "not its own any more")
    assert not ledger.claim(hold("third", 5), "local", [intent()])[KEY].is_granted

    ledger.give_back(hold("next", 5), "local", [KEY], "jira is away")
    claim = ledger.claim(hold("third", 5), "local", [intent()])[KEY]
    assert (claim.is_granted, claim.was_attempted) == (True, True)
    assert kinds(ledger).count("not_attempted") == 1


def test_a_tracker_that_creates_once_needs_no_lease(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold("run-1"), "local", [intent()])
    ledger.start_attempt(hold("run-1"), "local", {KEY: TOLD})
    assert ledger.claim(hold("run-2", takes_over=True), "local", [intent()])[KEY].is_granted
    assert ledger.start_attempt(hold("run-1"), "local", {KEY: TOLD}) == set()


def test_an_epic_is_not_reopened_beside_the_next_one(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold(), "local", [intent()])
    ledger.start_attempt(hold(), "local", {KEY: TOLD})
    ledger.record_opened(hold(), "local", KEY, REF, NOW, TOLD, is_adopted=False)
    ledger.record_closed(hold(), "local", KEY, NOW, "done")
    later = replace(intent(), key=f"{KEY}-next", cycle=2, previous_key=KEY)
    assert ledger.claim(hold("other"), "local", [later])[later.key].is_granted
    assert ledger.record_reopened(hold(), "local", KEY, "open").state is EpicState.CLOSED


def test_a_failed_epic_is_retried_with_fresh_evidence(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold(), "local", [intent()])
    ledger.start_attempt(hold(), "local", {KEY: TOLD})
    ledger.record_failed(hold(), "local", [KEY], "rejected", "field Team is required")
    record = ledger.records("local")[0]
    assert (record.state, record.reason) == (EpicState.FAILED, "field Team is required")

    fresh = replace(EVIDENCE, score=27)
    again = ledger.claim(hold("run-2"), "local", [intent(told=Told(fresh))])[KEY]
    assert again.is_granted
    assert not again.was_attempted
    assert again.record.evidence == fresh


def test_one_unfinished_epic_a_service(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    second = intent(2)
    assert not ledger.claim(hold(), "local", [second])[second.key].is_granted
    ledger.record_closed(hold(), "local", KEY, NOW, "done")
    assert ledger.claim(hold(), "local", [second])[second.key].is_granted
    # The other tracker's epics are its own.
    assert ledger.claim(hold(), "jira:acme/MOD", [intent()])[KEY].is_granted


def test_the_database_itself_refuses_duplicates(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    columns = {"tracker": "local", "service_hash": "ab" * 32, "service": "g", "update_count": 0}
    for row in (
        EpicRow(key="other", cycle=1, state="closed", **columns),
        EpicRow(key="other", cycle=2, state="intended", **columns),
        EpicRow(key=KEY, cycle=3, state="closed", **columns),
    ):
        with pytest.raises(IntegrityError), ledger.exclusive() as session:  # noqa: PT012
            session.add(row)
            session.flush()
    assert len(ledger.records("local")) == 1


def test_an_update_is_told_once_and_only_on_top_of_what_it_knows(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    first = claim_change(ledger, hold("run-1"), "change-1", 0)
    assert first.is_granted
    assert not first.was_attempted
    assert not claim_change(ledger, hold("run-2"), "change-1", 0).is_granted
    after_crash = claim_change(ledger, hold("run-2", 5), "change-1", 0)
    assert after_crash.is_granted
    assert after_crash.was_attempted

    told = Told(replace(EVIDENCE, score=30), FIGURES)
    assert ledger.record_updated(hold("run-2", 5), "local", KEY, "change-1", told, {})
    assert not ledger.record_updated(hold("run-1", 5), "local", KEY, "change-1", TOLD, {})
    record = ledger.records("local")[0]
    assert (record.told, record.update_count) == (told, 1)
    assert not claim_change(ledger, hold("run-3", 9), "change-1", 0).is_granted
    assert claim_change(ledger, hold("run-3", 9), "change-2", 1).is_granted


def test_what_a_hygiene_close_wrote_is_remembered_for_a_reopening(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    lower = replace(FIGURES, score=3)
    ledger.claim_change(hold(), "local", KEY, "close-1", 0, None, lower, "close", {})
    closed = ledger.record_closed(hold(), "local", KEY, NOW, "hygiene", by_us=True)
    assert (closed.figures, closed.pending_change_id) == (lower, None)
    assert ledger.record_reopened(hold(), "local", KEY, "To Do").figures == lower


def test_what_was_pending_when_a_person_closed_it_is_pending_when_reopened(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    assert claim_change(ledger, hold(), "change-1", 0).is_granted
    closed = ledger.record_closed(hold(), "local", KEY, NOW, "Done")
    assert (closed.figures, closed.pending_change_id) == (FIGURES, "change-1")
    assert claim_change(ledger, hold("run-2"), "change-1", 0).is_granted is False
    ledger.record_reopened(hold(), "local", KEY, "To Do")
    assert claim_change(ledger, hold("run-2"), "change-1", 0).was_attempted


def test_history_holds_no_secret(url: str) -> None:
    ledger = Ledger(url)
    ledger.claim(hold(), "local", [intent()])
    reason = (
        "GET https://bot:hunter2@jira.example.com/x?token=hunter2&y=1 Authorization: Basic "
        "aHVudGVyMjpodW50ZXIy failed"
    )
    ledger.record_failed(hold(), "local", [KEY], "unavailable", reason)
    shown = f"{ledger.records('local')} {ledger.events('local', KEY)}"
    assert "hunter2" not in shown
    assert "aHVudGVy" not in shown
    assert "jira.example.com/x" in shown


def test_evidence_is_a_set_of_incidents() -> None:
    assert Evidence(("b", "a", "a"), 24, "x").digest == Evidence(("a", "b"), 24, "x").digest
    assert Evidence(("a",), 24, "x").digest != Evidence(("a", "b"), 24, "x").digest
    assert Evidence(("a",), 24, "x").digest != Evidence(("a",), 25, "x").digest
    assert Evidence(("a",), 24, "x").digest != Evidence(("a",), 24, "y").digest


@pytest.mark.parametrize("bad", ["sqlite://", "mysql+pymysql://x/y"])
def test_only_databases_that_can_hold_it(bad: str) -> None:
    with pytest.raises(ValueError, match="the ledger needs"):
        Ledger(bad)


def test_racing_first_writers_create_one_schema_and_one_attempt(url: str) -> None:
    def claim(number: int) -> bool:
        ledger, mine = Ledger(url), hold(f"run-{number}")
        is_granted = ledger.claim(mine, "local", [intent()])[KEY].is_granted
        return is_granted and bool(ledger.start_attempt(mine, "local", {KEY: TOLD}))

    with ThreadPoolExecutor(8) as pool:
        grants = list(pool.map(claim, range(8)))
    assert sum(grants) == 1
    assert [kind for kind in kinds(Ledger(url)) if kind != "claimed_again"] == [
        "intended",
        "attempted",
    ]


def drive(mode: str, url: str, directory: Path, kind: str, count: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(DRIVER), mode, url, str(directory), kind, "2026", str(count)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
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
        "told_twice",
        "not_closed",
        "closed_wrongly",
        "wrong_states",
        "false_edits",
        "stale_figures",
        "problems",
    ):
        assert not happened[fault], (fault, happened)
    assert happened["keys"] > happened["epics"], "stories too"
    assert happened["told"]
    assert happened["closed"]


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_kills_lose_nothing_and_open_nothing_twice(url: str, tmp_path: Path, kind: str) -> None:
    count = 30 if kind == "remote" and url.startswith("sqlite") else 15
    happened = drive("kills", url, tmp_path / "epics", kind, count)
    assert sum(happened["points"].values()) == count
    assert len(happened["points"]) >= 4
    assert_nothing_twice_and_nothing_lost(happened)


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_racing_runs_open_nothing_twice(url: str, tmp_path: Path, kind: str) -> None:
    happened = drive("races", url, tmp_path / "epics", kind, 6)
    assert_nothing_twice_and_nothing_lost(happened)


LATER_COLUMNS = (
    "parent_key", "team", "figures", "edited", "shared_key", "touched_at", "pending_evidence",
    "pending_figures",
)  # fmt: skip


def test_a_ledger_of_before_there_were_stories_goes_on_working(url: str) -> None:
    ledger = Ledger(url)
    opened(ledger)
    engine = create_engine(url)
    with engine.begin() as connection:
        for column in LATER_COLUMNS:
            connection.execute(text(f"alter table ledger_epics drop column {column}"))

    # Reading changes nothing.
    (record,) = Ledger(url).records("local")
    assert (record.key, record.state, record.evidence) == (KEY, EpicState.OPENED, EVIDENCE)
    assert (record.figures, record.edited, record.parent_key) == (None, {}, None)
    names = {column["name"] for column in inspect(engine).get_columns("ledger_epics")}
    assert not names & {*LATER_COLUMNS}

    old = Ledger(url)
    assert old.records("local") == [record]
    assert claim_change(old, hold(), "change-1", 0).is_granted
    assert old.record_updated(hold(), "local", KEY, "change-1", TOLD, {"budget_usd": False})
    (record,) = old.records("local")
    assert (record.told, record.edited) == (TOLD, {"budget_usd": False})
    story = intent(key=f"{KEY}-config-only", service_hash="cd" * 32, parent_key=KEY, told=None)
    assert old.claim(hold(), "local", [story])[story.key].is_granted
    assert [r.key for r in Ledger(url).records("local") if r.parent_key] == [story.key]
    engine.dispose()
