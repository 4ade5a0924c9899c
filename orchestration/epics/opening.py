"""Opens epics and stories: claim, call, outcome; a call is never repeated blindly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from orchestration.epics.report import Verdict
from orchestration.epics.run import STALLED, UNKNOWN, Run, kind_of
from orchestration.http import SourceError, UnknownOutcomeError
from orchestration.ledger import EpicRecord, EpicState
from orchestration.trackers.protocol import EpicDraft, EpicRef

_FOUND = "found in the tracker, from a run that was cut short or from another ledger"


@dataclass(frozen=True)
class Opening:
    """An epic or a story to open, and why."""

    record: EpicRecord
    draft: EpicDraft
    why: str


def story_record(tracker: str, draft: EpicDraft) -> EpicRecord:
    """The story's record in the ledger."""
    return EpicRecord(
        tracker=tracker,
        key=draft.key,
        service_hash=sha256(draft.key.encode()).hexdigest(),
        service=draft.service,
        parent_key=draft.parent.key if draft.parent else None,
    )


def open_all(run: Run, openings: Sequence[Opening]) -> Mapping[str, Verdict]:
    """Open all, one by one, after one search; the outcome of each, by key.

    Opened, already_open if the tracker had it, waiting if another run has it, or failed. The
    outcome of an unanswered call is for the next run to find out.
    """
    verdicts: dict[str, Verdict] = {}
    searched_at = run.clock()
    try:
        found = run.find([one.record.key for one in openings])
    except SourceError as error:
        run.stopped = run.stopped or str(error)
        found = {}
    for one in openings:
        key = one.record.key
        if key in found:
            verdicts[key] = _record_opened(run, one, found[key], is_ours=False)
        elif run.stopped:
            verdicts[key] = Verdict("failed", f"not attempted: {run.stopped}")
        else:
            verdicts[key] = _create(run, one, searched_at)
    return verdicts


def _create(run: Run, one: Opening, searched_at: datetime) -> Verdict:
    """Commit the intent, send it, and commit the outcome."""
    key, detail = one.record.key, {"why": one.why, "draft": asdict(one.draft)}
    claim, is_in_time = run.claim(
        lambda writer: run.ledger.claim(writer, one.record, searched_at, detail)
    )
    if not claim.is_granted:
        return _taken(claim.record)
    if not is_in_time:
        run.ledger.record_failure(run.writer(), key, "stalled", STALLED)
        return Verdict("failed", STALLED)
    try:
        ref = run.tracker.create(one.draft)
    except SourceError as error:
        run.stop_on(error)
        is_unknown = isinstance(error, UnknownOutcomeError)
        run.ledger.record_failure(
            run.writer(), key, kind_of(error), str(error), may_be_done=is_unknown
        )
        return Verdict("failed", f"{error}; {UNKNOWN}" if is_unknown else str(error))
    verdict = _record_opened(run, one, ref, is_ours=not ref.is_adopted, is_known=not ref.is_adopted)
    if verdict.record and verdict.section == "opened":
        # In some trackers a new story changes its epic.
        name, parent = run.tracker.name, verdict.record.parent_key
        parents = run.ledger.records(name, parent) if parent else []
        run.read_versions([verdict.record, *(one for one in parents if one.version is not None)])
    return verdict


def _record_opened(
    run: Run, one: Opening, ref: EpicRef, *, is_ours: bool, is_known: bool = True
) -> Verdict:
    """Commit that the tracker has it. is_ours: this run created it."""
    record = run.ledger.record_opened(
        run.writer(), one.record, (ref.id, ref.url), run.now, is_ours=is_ours, is_known=is_known
    )
    if record.key != one.record.key:
        return _taken(record)
    if record.ref_id != ref.id:
        why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
        return Verdict("failed", why, record)
    if is_ours:
        return Verdict("opened", one.why, record)
    return Verdict("already_open", _FOUND, record)


def _taken(record: EpicRecord) -> Verdict:
    if record.state is EpicState.INTENDED:
        at = f" since {record.attempted_at:%H:%M:%S} UTC" if record.attempted_at else ""
        why = f"another run, or one that was cut short, is opening it{at}"
    else:
        why = f"the ledger has changed since this was decided: {record.key} is {record.state}"
    return Verdict("waiting", why, record)
