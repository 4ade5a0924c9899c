"""Opens epics and stories: claim, call, outcome, and never the call twice blindly."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256

from orchestration.epics.report import Verdict
from orchestration.epics.run import STALLED, UNKNOWN, Run, kind_of
from orchestration.ledger import EpicRecord, EpicState
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

    record: EpicRecord
    draft: EpicDraft
    why: str
    is_fresh: bool = False


def story_record(tracker: str, draft: EpicDraft) -> EpicRecord:
    """A story as the ledger has it."""
    return EpicRecord(
        tracker=tracker,
        key=draft.key,
        service_hash=sha256(draft.key.encode()).hexdigest(),
        service=draft.service,
        parent_key=draft.parent.key if draft.parent else None,
    )


def open_all(run: Run, openings: Sequence[Opening]) -> Mapping[str, Verdict]:
    """Open all, `tracker.batch_size` a call, after one search; what became of each, by key.

    Opened, already_open where the tracker had it, waiting where another run has it, or failed.
    What became of ambiguous calls is searched for, and created once more if it is certainly
    missing.
    """
    return _Opener(run, {opening.record.key: opening for opening in openings}).open()


@dataclass
class _Opener:
    run: Run
    openings: Mapping[str, Opening]
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def open(self) -> Mapping[str, Verdict]:
        run = self.run
        searched_at = run.clock()
        self._find([key for key, opening in self.openings.items() if not opening.is_fresh])
        self._create(searched_at)
        for seconds in (run.tracker.search_lag_seconds, run.tracker.longest_call_seconds):
            if (unknown := self._undecided()) and not run.stopped:
                text = "%s doesn't say whether it opened %s; asking again in %.0f s"
                _log.warning(text, run.tracker.name, ", ".join(unknown), seconds)
                run.sleep(seconds)
                searched_at = run.clock()
                self._find(unknown, is_ours=True)
                self._read_versions(unknown)
        if not run.stopped:
            self._create(searched_at)
        self._fail(self._undecided(), UNKNOWN)
        return self.verdicts

    def _undecided(self) -> list[str]:
        return [key for key in self.openings if key not in self.verdicts]

    def _find(self, keys: Collection[str], *, is_ours: bool = False) -> None:
        """Record which of `keys` the tracker has; where it can't be asked, all of them fail.

        is_ours: what is found was created by this run, in a call whose outcome was unknown.
        """
        run = self.run
        try:
            found = run.find(keys)
        except TrackerError as error:
            run.stopped = run.stopped or str(error)
            self._fail(self._undecided(), UNKNOWN if is_ours else f"not attempted: {run.stopped}")
            return
        for key, ref in found.items():
            self._record_opened(key, ref, is_ours=is_ours)

    def _create(self, searched_at: datetime) -> None:
        """Create what has no verdict yet; what is unknown afterwards still has none."""
        keys, size = self._undecided(), self.run.tracker.batch_size
        for start in range(0, len(keys), size):
            chunk = keys[start : start + size]
            if self.run.stopped:
                self._fail(chunk, f"not attempted: {self.run.stopped}")
                continue
            for key, outcome in self._call(self._claim(chunk, searched_at)).items():
                if isinstance(outcome, EpicRef):
                    is_ours = not outcome.is_adopted
                    self._record_opened(key, outcome, is_ours=is_ours, is_known=is_ours)
                else:
                    self.run.stop_on(outcome)
                    self._record_failure([key], kind_of(outcome), str(outcome))
            self._read_versions(chunk)

    def _claim(self, keys: Sequence[str], searched_at: datetime) -> list[str]:
        """Commit what follows; the keys for which the call may be sent right now."""
        openings = [self.openings[key] for key in keys]
        wanted = [(o.record, {"why": o.why, "draft": asdict(o.draft)}) for o in openings]
        claims, is_in_time = self.run.claim(
            lambda writer: self.run.ledger.claim(writer, wanted, searched_at)
        )
        granted = [key for key in keys if claims[key].is_granted]
        self.verdicts |= {k: _taken(claims[k].record) for k in keys if k not in granted}
        if is_in_time:
            return granted
        self._record_failure(granted, "stalled", STALLED)
        return []

    def _call(self, keys: Sequence[str]) -> dict[str, CreateOutcome]:
        if not keys:
            return {}
        try:
            drafts = [self.openings[key].draft for key in keys]
            outcomes: Mapping[str, CreateOutcome] = self.run.tracker.create(drafts)
        except TrackerError as error:
            outcomes = dict.fromkeys(keys, error)
        silent = AmbiguousError("the tracker did not say what became of it")
        return {key: outcomes.get(key, silent) for key in keys}

    def _record_opened(
        self, key: str, ref: EpicRef, *, is_ours: bool, is_known: bool = True
    ) -> None:
        """Commit that the tracker has it. is_ours: this run created it."""
        run, opening, at = self.run, self.openings[key], (ref.id, ref.url)
        record = run.ledger.record_opened(
            run.writer(), opening.record, at, run.now, is_ours=is_ours, is_known=is_known
        )
        if record.key != key:
            self.verdicts[key] = _taken(record)
        elif record.ref_id != ref.id:
            why = f"the tracker has it twice, {record.ref_id} and {ref.id}: close one of them"
            self.verdicts[key] = Verdict("failed", why, record)
        elif is_ours:
            self.verdicts[key] = Verdict("opened", opening.why, record)
        else:
            self.verdicts[key] = Verdict("already_open", _FOUND, record)

    def _read_versions(self, keys: Collection[str]) -> None:
        """Of what was opened, and of epics that got a story, which changes some trackers' epics."""
        done = [self.verdicts[key] for key in keys if key in self.verdicts]
        opened = [v.record for v in done if v.record and v.section == "opened"]
        if parents := {record.parent_key for record in opened} - {None}:
            known = self.run.records().values()
            opened += [r for r in known if r.key in parents and r.version is not None]
        self.run.read_versions(opened)

    def _record_failure(self, keys: Collection[str], kind: str, reason: str) -> None:
        """Commit that these were not opened; of an ambiguous outcome nothing is known yet."""
        is_unknown = kind == "ambiguous"
        self.run.ledger.record_failure(
            self.run.writer(), keys, kind, reason, may_be_done=is_unknown
        )
        if not is_unknown:
            self._fail(keys, reason)

    def _fail(self, keys: Collection[str], reason: str) -> None:
        self.verdicts |= {key: Verdict("failed", reason) for key in keys}


def _taken(record: EpicRecord) -> Verdict:
    if record.state is EpicState.INTENDED:
        at = f" since {record.attempted_at:%H:%M:%S} UTC" if record.attempted_at else ""
        why = f"another run, or one that was cut short, is opening it{at}"
    else:
        why = f"the ledger has changed since this was decided: {record.key} is {record.state}"
    return Verdict("waiting", why, record)
