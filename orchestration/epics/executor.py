"""Carries out the plan: epics first, then their stories, then what is new, then what is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from orchestration.epics.candidates import Candidate
from orchestration.epics.changes import EpicChanger
from orchestration.epics.closing import EpicCloser
from orchestration.epics.content.document import draft_epic
from orchestration.epics.opener import Opener, Opening, Outcome
from orchestration.epics.plan import Action, AddEvidence, Close, Open, Section
from orchestration.epics.report import ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates
from orchestration.epics.stories import missing_stories, story_intent
from orchestration.ledger import EpicRecord, EpicState, Intent, Told
from orchestration.trackers.protocol import EpicDraft, TrackerError

_SECTIONS = {
    "opened": Section.OPENED,
    "there": Section.ALREADY_OPEN,
    "failed": Section.FAILED,
}


@dataclass
class EpicExecutor:
    """Acts for one run of the publisher, and keeps `states` true to what it did."""

    run: PublishRun
    states: EpicStates
    report: ReportBuilder

    def carry_out(self, actions: Sequence[Action]) -> None:
        """Do everything in `actions` but what only is to be said."""
        fresh = self._open_epics([action for action in actions if isinstance(action, Open)])
        self._open_stories([action.candidate for action in actions], fresh)
        changer = EpicChanger(self.run, self.states, self.report)
        for action in actions:
            if isinstance(action, AddEvidence):
                changer.add_evidence(action)
        closer = EpicCloser(self.run, self.states, self.report)
        closer.close([action for action in actions if isinstance(action, Close)])

    def _open_epics(self, actions: Sequence[Open]) -> set[str]:
        """Open epics; returns the keys of those that this run created, which have no stories."""
        openings = [
            Opening(epic_intent(action, draft), draft)
            for action in actions
            for draft in [draft_action(action, self.run)]
        ]
        outcomes = Opener(self.run).open(openings)
        for action in actions:
            outcome = outcomes[action.key]
            self._report_epic(action, outcome)
            if outcome.record is not None and outcome.record.key == action.key:
                self.states.records[action.candidate.service_hash] = outcome.record
        return {key for key, outcome in outcomes.items() if outcome.kind == "opened"}

    def _report_epic(self, action: Open, outcome: Outcome) -> None:
        section = _SECTIONS.get(outcome.kind)
        if section is None:  # Another run has it.
            section = Section.ALREADY_OPEN if outcome.is_open else Section.WAITING
        key = outcome.record.key if outcome.record else action.key
        self.report.add(action.candidate, section, outcome.reason, key=key, url=outcome.url)

    def _open_stories(self, candidates: Sequence[Candidate], fresh: set[str]) -> None:
        """Open what is missing below open epics, as many a call as epics."""
        if self.run.stopped:
            return
        wanted = missing_stories(candidates, self.states, self.run)
        owners = {draft.key: candidate for candidate, draft in wanted}
        drafts = self._without_known([draft for _, draft in wanted], fresh)
        outcomes = Opener(self.run).open([Opening(story_intent(d), d) for d in drafts])
        for key, outcome in outcomes.items():
            if outcome.record is not None:
                self.states.stories[key] = outcome.record
            if outcome.kind in ("opened", "failed"):
                is_failed = outcome.kind == "failed"
                self.report.add_story(
                    owners[key], key, outcome.reason, is_failed=is_failed, url=outcome.url
                )

    def _without_known(self, drafts: Sequence[EpicDraft], fresh: set[str]) -> Sequence[EpicDraft]:
        """Drafts that the tracker doesn't hold already, as after the ledger was lost.

        A story below an epic that this run created can't be there; for the others one search.
        """
        asked = {
            draft.key
            for draft in drafts
            if draft.parent
            and draft.parent.key not in fresh
            and draft.key not in self.states.stories
        }
        if not asked:
            return drafts
        try:
            found = self.run.tracker.find(asked)
        except TrackerError as error:
            self.run.stopped = self.run.stopped or str(error)
            return []
        for draft in drafts:
            if draft.key in found:
                ref = found[draft.key]
                record = story_record(draft, self.run.tracker.name, ref.id, ref.url)
                self.states.stories[draft.key] = self.run.ledger.adopt(self.run.hold(), record)
        return [draft for draft in drafts if draft.key not in found]


def draft_action(action: Open, run: PublishRun) -> EpicDraft:
    """The epic that an action opens."""
    return draft_epic(
        action.candidate, key=action.key, previous_key=action.previous_key, now=run.now
    )


def epic_intent(action: Open, draft: EpicDraft) -> Intent:
    """An action as it is committed before anything is asked for."""
    return Intent(
        key=action.key,
        service_hash=action.candidate.service_hash,
        service=draft.service,
        cycle=action.cycle,
        previous_key=action.previous_key,
        told=Told(action.candidate.evidence, action.candidate.figures),
        why=action.why,
        team=action.candidate.team or None,
        draft=asdict(draft),
    )


def story_record(draft: EpicDraft, tracker: str, ref_id: str, url: str) -> EpicRecord:
    """The record of a story that the tracker holds and the ledger doesn't know."""
    intent = story_intent(draft)
    return EpicRecord(
        tracker=tracker,
        key=intent.key,
        service_hash=intent.service_hash,
        service=intent.service,
        cycle=intent.cycle,
        state=EpicState.OPENED,
        parent_key=intent.parent_key,
        ref_id=ref_id,
        url=url,
    )
