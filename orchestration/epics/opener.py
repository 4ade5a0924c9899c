"""Opens epics and stories: intent, call, outcome, and never the call twice blindly."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from orchestration.epics.run import STALLED, UNKNOWN, PublishRun, kind_of
from orchestration.ledger import Claim, EpicRecord, EpicState, Intent, Told
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
    """An epic or a story to open."""

    intent: Intent
    draft: EpicDraft


@dataclass(frozen=True)
class Outcome:
    """What became of an opening.

    opened: by this run. there: it was in the tracker. taken: another run has it.
    failed: for `reason`, which may be that the outcome is unknown.
    """

    kind: Literal["opened", "there", "taken", "failed"]
    reason: str
    record: EpicRecord | None = None
    url: str | None = None

    @property
    def is_open(self) -> bool:
        return self.record is not None and self.record.state is EpicState.OPENED


@dataclass
class Opener:
    """Opens what it is given in one go; an instance serves one call of `open`."""

    run: PublishRun
    _openings: dict[str, Opening] = field(default_factory=dict, init=False)
    _claims: dict[str, Claim] = field(default_factory=dict, init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict, init=False)

    def open(self, openings: Sequence[Opening]) -> Mapping[str, Outcome]:
        """Open all, `tracker.batch_size` a call; the outcome of each, by key."""
        if not openings:
            return {}
        run = self.run
        self._openings = {opening.intent.key: opening for opening in openings}
        self._claims = run.ledger.claim(run.hold(), run.tracker.name, [o.intent for o in openings])
        granted = [key for key, claim in self._claims.items() if claim.is_granted]
        for key in self._claims.keys() - set(granted):
            self._say_taken(key, self._claims[key].record)
        # The lease of an earlier attempt is over, and it outlasts call and search lag: what one
        # search doesn't find now was not created.
        suspects = {key for key in granted if self._claims[key].was_attempted}
        missing = suspects if run.tracker.is_idempotent else self._adopt_found(suspects)
        if missing is None:
            why = f"not attempted: {run.stopped}"
            run.ledger.give_back(run.hold(), run.tracker.name, granted, why)
            return self._outcomes
        settled = suspects - missing
        unknown = self._create([key for key in granted if key not in settled])
        self._settle(unknown)
        return self._outcomes

    def _create(self, keys: Sequence[str]) -> set[str]:
        """Create `keys`; returns those whose outcome is unknown."""
        unknown: set[str] = set()
        for chunk in _chunks(keys, self.run.tracker.batch_size):
            if self.run.stopped:
                self._fail(chunk, "not_attempted", f"not attempted: {self.run.stopped}")
                continue
            outcomes = self._call_create(self._attempt(chunk))
            unknown |= {key for key, outcome in outcomes.items() if self._record(key, outcome)}
        return unknown

    def _attempt(self, keys: Sequence[str]) -> Sequence[str]:
        """Note the attempt; the keys for which the call may be sent right now.

        A process that stood still in between may have lost its lease, so it notes it again.
        """
        run = self.run
        for _ in run.tries():
            tellings = {key: self._openings[key].intent.told for key in keys}
            held = run.ledger.start_attempt(run.hold(), run.tracker.name, tellings)
            for key in keys:
                if key not in held:
                    # The lease on record is the one that this run has lost.
                    self._say_taken(key, replace(self._claims[key].record, lease_until=None))
            keys = [key for key in keys if key in held]
            if run.is_in_time():
                return keys
        self._fail(keys, "stalled", STALLED)
        return []

    def _call_create(self, keys: Sequence[str]) -> dict[str, CreateOutcome]:
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
        """Write the outcome down; True if it is not known."""
        run = self.run
        if isinstance(outcome, EpicRef):
            self._record_opened(key, outcome)
        elif isinstance(outcome, AmbiguousError):
            run.ledger.record_unknown(run.hold(), run.tracker.name, [key], str(outcome))
            return True
        else:
            run.stop_on(outcome)
            self._fail([key], kind_of(outcome), str(outcome))
        return False

    def _record_opened(self, key: str, ref: EpicRef) -> None:
        intent, claim, run = self._openings[key].intent, self._claims[key], self.run
        told: Told | None = intent.told
        if ref.is_adopted:  # It tells what the earlier attempt meant it to tell, if there was one.
            told = claim.record.told if claim.was_attempted else None
        record = run.ledger.record_opened(
            run.hold(),
            run.tracker.name,
            key,
            (ref.id, ref.url),
            run.now,
            told,
            is_adopted=ref.is_adopted,
        )
        if record.ref_id != ref.id:
            why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
            self._outcomes[key] = Outcome("failed", why, record, ref.url)
        elif ref.is_adopted:
            why = "it was there, from a run that was cut short or at the same time"
            self._outcomes[key] = Outcome("there", why, record, record.url)
        else:
            self._outcomes[key] = Outcome("opened", intent.why, record, record.url)

    def _settle(self, unknown: set[str]) -> None:
        """Find out what became of ambiguous calls; create once more what is certainly missing."""
        tracker = self.run.tracker
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
            missing = self._adopt_found(unknown, is_ours=True)
            if missing is None:
                return
            unknown = missing
        if not self.run.stopped:
            unknown = self._create(sorted(unknown, key=list(self._openings).index))
        for key in unknown:
            self._outcomes[key] = Outcome("failed", UNKNOWN)

    def _adopt_found(self, keys: set[str], *, is_ours: bool = False) -> set[str] | None:
        """Adopt what the tracker has; returns what it hasn't, None when it can't be asked.

        is_ours: what is found was created by this run, in a call that ended unknown.
        """
        if not keys:
            return set()
        try:
            found = self.run.tracker.find(keys)
        except TrackerError as error:
            self.run.stopped = self.run.stopped or str(error)
            for key in self._openings.keys() - self._outcomes.keys():
                self._outcomes[key] = Outcome("failed", str(error))
            return None
        for key, ref in found.items():
            self._record_opened(key, replace(ref, is_adopted=not is_ours))
        return keys - found.keys()

    def _fail(self, keys: Collection[str], kind: str, reason: str) -> None:
        self.run.ledger.record_failed(self.run.hold(), self.run.tracker.name, keys, kind, reason)
        for key in keys:
            self._outcomes[key] = Outcome("failed", reason)

    def _say_taken(self, key: str, record: EpicRecord) -> None:
        if record.state is EpicState.OPENED:
            why = "another run has just opened it"
        else:
            until = f" until {record.lease_until:%H:%M:%S} UTC" if record.lease_until else ""
            why = f"another run has claimed it{until}"
        self._outcomes[key] = Outcome("taken", why, record, record.url)


def _chunks(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
