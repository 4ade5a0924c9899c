"""Carries out the plan: intent, call, outcome, in this order, and never the call twice blindly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from orchestration.ledger import Claim, EpicRecord, EpicState, Evidence, Hold, Intent, Ledger
from orchestration.publish.candidates import Decision
from orchestration.publish.epic_document import draft_change, draft_epic
from orchestration.publish.epic_plan import AddEvidence, Open, Section
from orchestration.publish.epic_report import ReportBuilder
from orchestration.trackers.protocol import (
    AmbiguousError,
    CreateOutcome,
    EpicDraft,
    EpicRef,
    ForbiddenError,
    RejectedError,
    Tracker,
    TrackerError,
    UnavailableError,
)

_UNKNOWN = "it is not known whether the tracker did it, the next run looks before it tries again"


@dataclass
class EpicExecutor:
    """Acts for one run of the publisher.

    hold: gives a fresh `Hold` by the wall clock. sleep: waits seconds. now: the run's business
    time, which epics carry.
    """

    ledger: Ledger
    tracker: Tracker
    report: ReportBuilder
    hold: Callable[[], Hold]
    sleep: Callable[[float], None]
    now: datetime
    _actions: dict[str, Open] = field(default_factory=dict, init=False)
    _drafts: dict[str, EpicDraft] = field(default_factory=dict, init=False)
    _claims: dict[str, Claim] = field(default_factory=dict, init=False)

    def open_epics(self, actions: Sequence[Open]) -> None:
        """Open all epics of `actions`, `tracker.batch_size` a call."""
        if not actions:
            return
        self._actions = {action.key: action for action in actions}
        self._drafts = {
            a.key: draft_epic(a.candidate, key=a.key, previous_key=a.previous_key, now=self.now)
            for a in actions
        }
        intents = [_intent(action, self._drafts[action.key]) for action in actions]
        self._claims = self.ledger.claim(self.hold(), self.tracker.name, intents)
        granted = [key for key, claim in self._claims.items() if claim.is_granted]
        for key in self._claims.keys() - set(granted):
            self._say_taken(key, self._claims[key].record)
        # A granted claim's old lease is over, and it outlasts call and search lag: what one
        # search doesn't find now was not created.
        suspects = {key for key in granted if self._claims[key].was_attempted}
        missing = suspects if self.tracker.is_idempotent else self._adopt_found(suspects)
        if missing is not None:
            settled = suspects - missing
            unknown = self._create([key for key in granted if key not in settled])
            self._settle(unknown)

    def add_evidence(self, action: AddEvidence) -> None:
        """Tell new evidence in an open epic, once."""
        candidate, record = action.candidate, action.record
        if self.report.stopped:
            self._say_not_attempted(action)
            return
        change = draft_change(
            candidate,
            key=record.key,
            told=record.evidence,
            written=None,
            update_count=record.update_count,
            now=self.now,
        )
        sent = {"why": action.why, "change": asdict(change)}
        claim = self.ledger.claim_update(
            self.hold(), self.tracker.name, record.key, change.change_id, record.update_count, sent
        )
        if not claim.is_granted:
            why = "another run is adding evidence to it"
            self.report.add_epic(candidate, Section.ALREADY_OPEN, why, record)
            return
        ref = EpicRef(record.key, record.ref_id or "", record.url or "")
        try:
            self.tracker.update(ref, replace(change, is_retry=claim.was_attempted))
        except TrackerError as error:
            is_unknown = isinstance(error, AmbiguousError)
            self.ledger.record_update_failed(
                self.hold(),
                self.tracker.name,
                record.key,
                f"update_{_kind(error)}",
                str(error),
                is_unknown=is_unknown,
            )
            self._stop_on(error)
            why = f"{error}; {_UNKNOWN}" if is_unknown else str(error)
            self.report.add_epic(candidate, Section.FAILED, why, record)
            return
        self.ledger.record_updated(
            self.hold(), self.tracker.name, record.key, change.change_id, candidate.evidence
        )
        is_bundle = candidate.decision is Decision.BUNDLE
        section = Section.BUNDLED if is_bundle else Section.UPDATED
        self.report.add_epic(candidate, section, action.why, record)

    def _create(self, keys: Sequence[str]) -> set[str]:
        """Create `keys`; returns those whose outcome is unknown."""
        unknown: set[str] = set()
        for chunk in _chunks(keys, self.tracker.batch_size):
            if self.report.stopped:
                self._fail(chunk, "not_attempted", f"not attempted: {self.report.stopped}")
                continue
            evidence = {key: self._actions[key].candidate.evidence for key in chunk}
            held = self.ledger.start_attempt(self.hold(), self.tracker.name, evidence)
            for key in chunk:
                if key not in held:
                    self._say_taken(key, self._claims[key].record)
            outcomes = self._call_create([key for key in chunk if key in held])
            unknown |= {key for key, outcome in outcomes.items() if self._record(key, outcome)}
        return unknown

    def _call_create(self, keys: Sequence[str]) -> dict[str, CreateOutcome]:
        if not keys:
            return {}
        try:
            outcomes: Mapping[str, CreateOutcome] = self.tracker.create(
                [self._drafts[key] for key in keys]
            )
        except TrackerError as error:
            outcomes = dict.fromkeys(keys, error)
        silent = AmbiguousError("the tracker did not say what became of it")
        return {key: outcomes.get(key, silent) for key in keys}

    def _record(self, key: str, outcome: CreateOutcome) -> bool:
        """Write the outcome down; True if it is not known."""
        if isinstance(outcome, EpicRef):
            self._record_opened(key, outcome)
        elif isinstance(outcome, AmbiguousError):
            self.ledger.record_unknown(self.hold(), self.tracker.name, [key], str(outcome))
            return True
        else:
            self._stop_on(outcome)
            self._fail([key], _kind(outcome), str(outcome))
        return False

    def _record_opened(self, key: str, ref: EpicRef) -> None:
        action, claim = self._actions[key], self._claims[key]
        evidence: Evidence | None = action.candidate.evidence
        if ref.was_there:  # It tells what the earlier attempt meant it to tell, if there was one.
            evidence = claim.record.evidence if claim.was_attempted else None
        record = self.ledger.record_opened(
            self.hold(),
            self.tracker.name,
            key,
            (ref.id, ref.url),
            self.now,
            evidence,
            is_adopted=ref.was_there,
        )
        if record.ref_id != ref.id:
            why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
            self.report.add(action.candidate, Section.FAILED, why, key=key, url=ref.url)
        elif ref.was_there:
            why = "it was there, from a run that was cut short or at the same time"
            self.report.add_epic(action.candidate, Section.ALREADY_OPEN, why, record)
        else:
            self.report.add_epic(action.candidate, Section.OPENED, action.why, record)

    def _settle(self, unknown: set[str]) -> None:
        """Find out what became of ambiguous calls; create once more what is certainly missing."""
        for seconds in (self.tracker.search_lag_seconds, self.tracker.longest_call_seconds):
            if not unknown:
                return
            self.sleep(seconds)
            missing = self._adopt_found(unknown, is_ours=True)
            if missing is None:
                return
            unknown = missing
        if not self.report.stopped:
            unknown = self._create(sorted(unknown, key=list(self._actions).index))
        for key in unknown:
            self.report.add(self._actions[key].candidate, Section.FAILED, _UNKNOWN, key=key)

    def _adopt_found(self, keys: set[str], *, is_ours: bool = False) -> set[str] | None:
        """Adopt what the tracker has; returns what it hasn't, None when it can't be asked.

        is_ours: what is found was created by this run, in a call that ended unknown.
        """
        if not keys:
            return set()
        try:
            found = self.tracker.find(keys)
        except TrackerError as error:
            self.report.stopped = self.report.stopped or str(error)
            for key, action in self._actions.items():
                if not self.report.has(action.candidate):
                    self.report.add(action.candidate, Section.FAILED, str(error), key=key)
            return None
        for key, ref in found.items():
            self._record_opened(key, replace(ref, was_there=not is_ours))
        return keys - found.keys()

    def _fail(self, keys: Collection[str], kind: str, reason: str) -> None:
        self.ledger.record_failed(self.hold(), self.tracker.name, keys, kind, reason)
        for key in keys:
            self.report.add(self._actions[key].candidate, Section.FAILED, reason, key=key)

    def _stop_on(self, error: TrackerError) -> None:
        if isinstance(error, ForbiddenError | UnavailableError):
            self.report.stopped = self.report.stopped or str(error)

    def _say_not_attempted(self, action: AddEvidence) -> None:
        why = f"not attempted: {self.report.stopped}"
        self.report.add_epic(action.candidate, Section.FAILED, why, action.record)

    def _say_taken(self, key: str, record: EpicRecord) -> None:
        candidate = self._actions[key].candidate
        if record.state is EpicState.OPENED:
            self.report.add_epic(
                candidate, Section.ALREADY_OPEN, "another run has just opened it", record
            )
        else:
            until = f" until {record.lease_until:%H:%M:%S} UTC" if record.lease_until else ""
            why = f"another run has claimed it{until}"
            self.report.add_epic(candidate, Section.WAITING, why, record)


def _intent(action: Open, draft: EpicDraft) -> Intent:
    return Intent(
        key=action.key,
        service_hash=action.candidate.service_hash,
        service=draft.service,
        cycle=action.cycle,
        previous_key=action.previous_key,
        evidence=action.candidate.evidence,
        why=action.why,
        draft=asdict(draft),
    )


def _kind(error: TrackerError) -> str:
    kinds = {
        AmbiguousError: "ambiguous",
        RejectedError: "rejected",
        UnavailableError: "unavailable",
        ForbiddenError: "forbidden",
    }
    return next((name for kind, name in kinds.items() if isinstance(error, kind)), "failed")


def _chunks(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
