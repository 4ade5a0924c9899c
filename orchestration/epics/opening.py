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
_FOUND = "found in the tracker, from a run that was cut short or from another ledger"


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


@dataclass
class Opener:
    """Opens what it is given; an instance serves one call of `open`."""

    run: Run
    _openings: dict[str, Opening] = field(default_factory=dict, init=False)
    _claims: dict[str, Claim] = field(default_factory=dict, init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict, init=False)

    def open(self, openings: Sequence[Opening]) -> Mapping[str, Outcome]:
        """Open all, `tracker.batch_size` a call, after one search; the outcome of each, by key.

        What became of ambiguous calls is searched for, and created once more if it is certainly
        missing.
        """
        run = self.run
        self._openings = {opening.intent.key: opening for opening in openings}
        searched_at = run.clock()
        self._find({key for key, opening in self._openings.items() if not opening.is_fresh})
        unknown = self._create(self._without_outcome(self._openings), searched_at)
        for seconds in (run.tracker.search_lag_seconds, run.tracker.longest_call_seconds):
            if unknown and not run.stopped:
                names = ", ".join(unknown)
                text = "%s doesn't say whether it opened %s; asking again in %.0f s"
                _log.warning(text, run.tracker.name, names, seconds)
                run.sleep(seconds)
                searched_at = run.clock()
                self._find(set(unknown), is_ours=True)
                self._read_versions(unknown)
                unknown = self._without_outcome(unknown)
        if not run.stopped:
            unknown = self._create(unknown, searched_at)
        self._fail(unknown, UNKNOWN)
        return self._outcomes

    def _without_outcome(self, keys: Collection[str]) -> list[str]:
        return [key for key in keys if key not in self._outcomes]

    def _create(self, keys: Sequence[str], searched_at: datetime) -> list[str]:
        """Create `keys`; returns those whose outcome is unknown."""
        size = self.run.tracker.batch_size
        for start in range(0, len(keys), size):
            chunk = keys[start : start + size]
            if self.run.stopped:
                self._fail(chunk, f"not attempted: {self.run.stopped}")
                continue
            for key, outcome in self._call(self._claim(chunk, searched_at)).items():
                self._record(key, outcome)
            self._read_versions(chunk)
        return self._without_outcome(keys)

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
                    self._outcomes[key] = _taken(claim.record)
            granted = [key for key in granted if claims[key].is_granted]
            if run.is_in_time():
                return granted
        self._record_failure(granted, "stalled", STALLED)
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

    def _record(self, key: str, outcome: CreateOutcome) -> None:
        """Commit the outcome; one that is unknown is no outcome yet."""
        if isinstance(outcome, EpicRef):
            self._record_opened(key, outcome, is_ours=not outcome.is_adopted)
        elif isinstance(outcome, AmbiguousError):
            self._record_failure([key], "ambiguous", str(outcome), may_be_done=True)
        else:
            self.run.stop_on(outcome)
            self._record_failure([key], kind_of(outcome), str(outcome))

    def _record_opened(self, key: str, ref: EpicRef, *, is_ours: bool) -> None:
        """is_ours: this run created it; else it says what an earlier attempt meant it to say."""
        run, intent, claim = self.run, self._openings[key].intent, self._claims[key]
        evidence = intent.evidence if is_ours else claim.attempted_evidence
        record = run.ledger.record_opened(
            run.writer(),
            run.tracker.name,
            key,
            (ref.id, ref.url),
            run.now,
            evidence,
            is_adopted=not is_ours,
        )
        if record.ref_id != ref.id:
            why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
            self._outcomes[key] = Outcome("failed", why, record)
        elif is_ours:
            self._outcomes[key] = Outcome("opened", intent.why, record)
        else:
            self._outcomes[key] = Outcome("found", _FOUND, record)

    def _read_versions(self, keys: Collection[str]) -> None:
        """Of what was opened, and of epics that got a story, which changes some trackers' epics."""
        done = [self._outcomes[key] for key in keys if key in self._outcomes]
        records = {o.record.key: o.record for o in done if o.record and o.kind == "opened"}
        parents = {record.parent_key for record in records.values()} - {None}
        if parents:
            for record in self.run.ledger.records(self.run.tracker.name):
                if record.key in parents and record.version is not None:
                    records[record.key] = record
        self.run.read_versions(list(records.values()))

    def _find(self, keys: set[str], *, is_ours: bool = False) -> None:
        """Record which of `keys` the tracker has; where it can't be asked, all of them fail.

        is_ours: what is found was created by this run, in a call whose outcome was unknown.
        """
        run = self.run
        try:
            found = run.tracker.find(keys) if keys else {}
        except TrackerError as error:
            run.stopped = run.stopped or str(error)
            why = UNKNOWN if is_ours else f"not attempted: {run.stopped}"
            self._fail(self._without_outcome(self._openings), why)
            return
        for key, ref in found.items():
            if is_ours:
                self._record_opened(key, ref, is_ours=True)
                continue
            intent = self._openings[key].intent
            at = (ref.id, ref.url)
            record = run.ledger.adopt(run.writer(), run.tracker.name, intent, at, run.now)
            is_it = record.key == key
            self._outcomes[key] = Outcome("found", _FOUND, record) if is_it else _taken(record)

    def _record_failure(
        self, keys: Collection[str], kind: str, reason: str, *, may_be_done: bool = False
    ) -> None:
        run = self.run
        run.ledger.record_failure(
            run.writer(), run.tracker.name, keys, kind, reason, may_be_done=may_be_done
        )
        if not may_be_done:
            self._fail(keys, reason)

    def _fail(self, keys: Collection[str], reason: str) -> None:
        self._outcomes |= {key: Outcome("failed", reason) for key in keys}


def _taken(record: EpicRecord) -> Outcome:
    if record.state is EpicState.INTENDED:
        at = f" since {record.attempted_at:%H:%M:%S} UTC" if record.attempted_at else ""
        why = f"another run, or one that was cut short, is opening it{at}"
    else:
        why = f"the ledger has changed since this was decided: {record.key} is {record.state}"
    return Outcome("taken", why, record)
