"""Follows what people did in the tracker: asks it, and writes only the ledger.

Runs before each load, so that decisions rest on it; `paydown ledger reconcile` looks further.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from orchestration.epics.run import Run
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.protocol import (
    EpicStatus,
    ForbiddenError,
    RejectedError,
    StatusOutcome,
    TrackerError,
)

MISSING = "the tracker doesn't have it, long after the attempt: it was not created"


@dataclass(frozen=True)
class Finding:
    """One thing that was found; `is_open` where a person, or the next run, must act."""

    key: str
    what: str
    url: str | None = None
    is_open: bool = False


@dataclass
class Refreshed:
    """What the tracker said. problems: by key, why it didn't say how an epic is.

    unreachable: why it could not be asked at all; then the previous state stands.
    """

    findings: list[Finding] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    unreachable: str | None = None

    def add(self, key: str, what: str, url: str | None = None, *, is_open: bool = False) -> None:
        """Add a finding."""
        self.findings.append(Finding(key, what, url, is_open))


def refresh(run: Run) -> Refreshed:
    """Ask the tracker about its epics in the ledger, and record what people did to them.

    One `status` call, and one `find` where attempts have no outcome; nothing is asked about an
    empty ledger. An epic that others have changed since paydown's last write loses its version.
    """
    refreshed = Refreshed()
    try:
        settle_attempts(run, refreshed)
        follow_people(run, (r for r in run.records().values() if not r.parent_key), refreshed)
    except TrackerError as error:
        refreshed.unreachable = str(error)
    return refreshed


def settle_attempts(run: Run, refreshed: Refreshed) -> None:
    """Find out what became of attempts without an outcome. Raises TrackerError."""
    attempts = {key: record for key, record in run.records().items() if record.is_attempted}
    searched = run.writer()
    found = run.find(attempts.keys())
    for ref in run.adopt(attempts, found):
        refreshed.add(ref.key, f"was opened as {ref.id}, by a run that was cut short", ref.url)
    if missing := sorted(attempts.keys() - found.keys()):
        settled = run.ledger.record_missing(searched, missing, MISSING)
        for key in missing:
            until = (attempts[key].attempted_at or searched.at) + searched.lease
            what = (
                "was not created; the next run that wants it opens it"
                if key in settled
                else "is being created, or may still turn up; ask again at "
                f"{until + timedelta(seconds=1):%H:%M:%S} UTC"
            )
            refreshed.add(key, what, is_open=key not in settled)


def follow_people(run: Run, records: Iterable[EpicRecord], refreshed: Refreshed) -> None:
    """Record which of these people closed, reopened or changed. Raises TrackerError."""
    known = [record for record in records if record.ref_id]
    answers = run.status(known)
    changed: dict[str, None] = {}
    for record in known:
        answer = answers.get(record.key)
        if isinstance(answer, EpicStatus):
            if what := _follow(run, record, answer):
                refreshed.add(record.key, what, record.url)
            if record.version not in (None, answer.version) and not record.is_closing:
                changed[record.key] = None
        elif problem := _problem(record, answer):
            refreshed.problems[record.key] = problem
            refreshed.add(record.key, problem, record.url, is_open=True)
    if changed:
        run.ledger.record_versions(run.writer(), changed)


def _follow(run: Run, record: EpicRecord, status: EpicStatus) -> str | None:
    """Record that a person closed or reopened it; what happened, None where nothing did.

    Without a closing time from the tracker, it was closed when that was noticed.
    """
    ledger, writer, name = run.ledger, run.writer(), status.status_name
    if status.is_open and record.state is EpicState.CLOSED:
        now = ledger.record_reopened(writer, record.key, name)
        return "was reopened in the tracker" if now.state is EpicState.OPENED else None
    if not status.is_open and record.state is EpicState.OPENED:
        closed_at = status.closed_at or run.now
        ledger.record_closed(writer, record.key, closed_at, name, by_us=record.is_closing)
        return "was closed in the tracker"
    return None


def _problem(record: EpicRecord, answer: StatusOutcome | None) -> str | None:
    """Why it isn't known how an epic is; None where it is closed and can't be seen any more."""
    is_lasting = answer is None or isinstance(answer, RejectedError | ForbiddenError)
    if is_lasting and record.state is EpicState.CLOSED:
        return None
    by_hand = f"; if it is gone for good: paydown ledger close {record.key}" if is_lasting else ""
    if answer is None:
        return (
            f"{record.key} was opened as {record.ref_id}, and the tracker no longer shows it: "
            f"restore it, or make sure that paydown may read it{by_hand}"
        )
    return f"the tracker doesn't say how {record.key} is: {answer}{by_hand}"
