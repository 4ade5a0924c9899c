"""Opens epics and stories: claim, call, outcome, and never the call twice blindly."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from orchestration.epics.run import STALLED, TRIES, UNKNOWN, Run, kind_of
from orchestration.ledger import Claim, EpicRecord, EpicState, Intent
from orchestration.trackers.protocol import (
    AmbiguousError,
    CreateOutcome,
    EpicDraft,
    EpicRef,
    TrackerError,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opening:
    """An epic or a story to open.

    is_fresh: the tracker can't have it yet, since this run opened the epic above it.
    """

    intent: Intent
    draft: EpicDraft
    is_fresh: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of an opening.

    opened: by this run. found: the tracker had it already. taken: another run has it.
    failed: for `reason`, which may be that the outcome is unknown.
    """

    kind: Literal["opened", "found", "taken", "failed"]
    reason: str
    record: EpicRecord | None = None
    url: str | None = None


@dataclass
class Opener:
    """Opens what it is given; an instance serves one call of `open`."""

    run: Run
    _openings: dict[str, Opening] = field(default_factory=dict, init=False)
    _claims: dict[str, Claim] = field(default_factory=dict, init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict, init=False)

    def open(self, openings: Sequence[Opening]) -> Mapping[str, Outcome]:
        """Open all, `tracker.batch_size` a call, after one search; the outcome of each, by key."""
        self._openings = {opening.intent.key: opening for opening in openings}
        searched_at = self.run.writer().at
        asked = {key for key, opening in self._openings.items() if not opening.is_fresh}
        if self._adopt(asked) is None:
            return self._outcomes
        keys = [key for key in self._openings if key not in self._outcomes]
        self._settle(self._create(keys, searched_at))
        return self._outcomes

    def _create(self, keys: Sequence[str], searched_at: datetime) -> set[str]:
        """Create `keys`; returns those whose outcome is unknown."""
        unknown: set[str] = set()
        size = self.run.tracker.batch_size
        for start in range(0, len(keys), size):
            chunk = keys[start : start + size]
            if self.run.stopped:
                self._report_failed(chunk, f"not attempted: {self.run.stopped}")
                continue
            outcomes = self._call(self._claim(chunk, searched_at))
            unknown |= {key for key, outcome in outcomes.items() if self._record(key, outcome)}
            self._read_versions(outcomes)
        return unknown

    def _claim(self, keys: Sequence[str], searched_at: datetime) -> list[str]:
        """Commit what follows; the keys for which the call may be sent right now.

        A process that stalled in between may have lost its claims, so it claims again.
        """
        run, granted = self.run, list(keys)
        for _ in range(TRIES):
            intents = [self._openings[key].intent for key in granted]
            claims = run.ledger.claim(run.writer(), run.tracker.name, intents, searched_at)
            for key, claim in claims.items():
                if claim.is_granted:
                    self._claims.setdefault(key, claim)
                else:
                    self._report_taken(key, claim.record)
            granted = [key for key in granted if claims[key].is_granted]
            if run.is_in_time():
                return granted
        self._fail(granted, "stalled", STALLED)
        return []

    def _call(self, keys: Sequence[str]) -> dict[str, CreateOutcome]:
        if not keys:
            return {}
        try:
            outcomes: Mapping[str, CreateOutcome] = self.run.tracker.create(
                [self._openings[key].draft for key in keys]
            )
        except TrackerError as error:
            outcomes = dict.fromkeys(keys, error)
        silent = AmbiguousError("the tracker did not say what became of it")
        return {key: outcomes.get(key, silent) for key in keys}

    def _record(self, key: str, outcome: CreateOutcome) -> bool:
        """Commit the outcome; True if it is unknown."""
        run = self.run
        if isinstance(outcome, EpicRef):
            self._record_opened(key, outcome, is_ours=not outcome.is_adopted)
        elif isinstance(outcome, AmbiguousError):
            run.ledger.record_failure(
                run.writer(), run.tracker.name, [key], "ambiguous", str(outcome), may_be_done=True
            )
            return True
        else:
            run.stop_on(outcome)
            self._fail([key], kind_of(outcome), str(outcome))
        return False

    def _record_opened(self, key: str, ref: EpicRef, *, is_ours: bool) -> None:
        """is_ours: this run created it; else it says what an earlier attempt meant it to say."""
        run, intent, claim = self.run, self._openings[key].intent, self._claims[key]
        record = run.ledger.record_opened(
            run.writer(),
            run.tracker.name,
            key,
            (ref.id, ref.url),
            run.now,
            intent.evidence if is_ours else claim.attempted_evidence,
            is_adopted=not is_ours,
        )
        if record.ref_id != ref.id:
            why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
            self._outcomes[key] = Outcome("failed", why, record, ref.url)
        elif is_ours:
            self._outcomes[key] = Outcome("opened", intent.why, record, record.url)
        else:
            self._report_found(key, record)

    def _read_versions(self, keys: Collection[str]) -> None:
        """Of what was opened, and of epics that got a story, which changes some trackers' epics."""
        opened = [o for key in keys if (o := self._outcomes.get(key)) and o.kind == "opened"]
        records = {o.record.key: o.record for o in opened if o.record}
        parents = {record.parent_key for record in records.values()}
        if parents - {None}:
            for record in self.run.ledger.records(self.run.tracker.name):
                if record.key in parents and record.version is not None:
                    records[record.key] = record
        self.run.read_versions(list(records.values()))

    def _settle(self, unknown: set[str]) -> None:
        """Find out what became of ambiguous calls; create once more what is certainly missing."""
        tracker, searched_at = self.run.tracker, self.run.clock()
        for seconds in (tracker.search_lag_seconds, tracker.longest_call_seconds):
            if not unknown:
                return
            _log.warning(
                "%s doesn't say whether it opened %s; asking again in %.0f s",
                tracker.name,
                ", ".join(sorted(unknown)),
                seconds,
            )
            self.run.sleep(seconds)
            searched_at = self.run.clock()
            before = unknown
            missing = self._adopt(unknown, is_ours=True)
            if missing is None:
                return
            unknown = missing
            self._read_versions(before - unknown)
        if not self.run.stopped:
            unknown = self._create(sorted(unknown, key=list(self._openings).index), searched_at)
        self._report_failed(unknown, UNKNOWN)

    def _adopt(self, keys: set[str], *, is_ours: bool = False) -> set[str] | None:
        """Record what the tracker has; returns what it hasn't, None when it can't be asked.

        is_ours: what is found was created by this run, in a call whose outcome was unknown.
        """
        if not keys:
            return set()
        run = self.run
        try:
            found = run.tracker.find(keys)
        except TrackerError as error:
            run.stopped = run.stopped or str(error)
            rest = self._openings.keys() - self._outcomes.keys()
            self._report_failed(rest, UNKNOWN if is_ours else f"not attempted: {run.stopped}")
            return None
        for key, ref in found.items():
            if is_ours:
                self._record_opened(key, ref, is_ours=True)
            else:
                record = run.ledger.adopt(
                    run.writer(),
                    run.tracker.name,
                    self._openings[key].intent,
                    (ref.id, ref.url),
                    run.now,
                )
                if record.key == key:
                    self._report_found(key, record)
                else:
                    self._report_taken(key, record)
        return keys - found.keys()

    def _fail(self, keys: Collection[str], kind: str, reason: str) -> None:
        self.run.ledger.record_failure(self.run.writer(), self.run.tracker.name, keys, kind, reason)
        self._report_failed(keys, reason)

    def _report_failed(self, keys: Collection[str], reason: str) -> None:
        for key in keys:
            self._outcomes[key] = Outcome("failed", reason)

    def _report_found(self, key: str, record: EpicRecord) -> None:
        why = "found in the tracker, from a run that was cut short or from another ledger"
        self._outcomes[key] = Outcome("found", why, record, record.url)

    def _report_taken(self, key: str, record: EpicRecord) -> None:
        if record.state is EpicState.INTENDED:
            at = f" since {record.attempted_at:%H:%M:%S} UTC" if record.attempted_at else ""
            why = f"another run, or one that was cut short, is opening it{at}"
        else:
            why = f"the ledger has changed since this was decided: {record.key} is {record.state}"
        self._outcomes[key] = Outcome("taken", why, record, record.url)
