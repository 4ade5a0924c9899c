"""What a run would do, with exactly what it would send; writes nothing anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestration.epics.changes import change_of
from orchestration.epics.closing import EpicCloser, Verdict, closing_of
from orchestration.epics.content.workstreams import draft_workstreams
from orchestration.epics.executor import draft_action
from orchestration.epics.plan import Action, AddEvidence, Close, Open, Section
from orchestration.epics.report import ReportBuilder
from orchestration.epics.run import PublishRun
from orchestration.epics.state import EpicStates
from orchestration.epics.stories import missing_stories, wants_stories
from orchestration.trackers.protocol import (
    EpicChange,
    EpicDraft,
    EpicRef,
    Preview,
    TrackerError,
)

_NEW_PARENT = "it goes below its epic, whose id is known once that is open"


@dataclass
class EpicRehearsal:
    """Reports what `EpicExecutor` would do; asks the tracker, which writes nothing."""

    run: PublishRun
    states: EpicStates
    report: ReportBuilder

    def foretell(self, actions: Sequence[Action]) -> None:
        """Put everything that is to be done into the report."""
        opens = [action for action in actions if isinstance(action, Open)]
        drafts = {action.key: draft_action(action, self.run) for action in opens}
        rehearsals = self._rehearse(list(drafts.values()))
        for action in opens:
            self._foretell_epic(action, rehearsals.get(action.key))
        self._foretell_stories(actions)
        for action in actions:
            if isinstance(action, AddEvidence):
                shared = self.states.open_epic(action.shared_key)
                change = change_of(action, self.run, shared)
                self.report.add_epic(
                    action.candidate, action.section, action.why, action.record, _shown(change)
                )
        closer = EpicCloser(self.run, self.states, self.report)
        for action in actions:
            if isinstance(action, Close):
                verdict = closer.judge(action, dry_run=True)
                shown = None if verdict else _shown(closing_of(action, action.record, self.run))
                said = verdict or Verdict(Section.CLOSED, action.why)
                self.report.add_epic(action.candidate, said.section, said.why, action.record, shown)

    def _foretell_epic(self, action: Open, rehearsal: Preview | TrackerError | None) -> None:
        if isinstance(rehearsal, TrackerError):
            why = f"would be refused: {rehearsal}"
            self.report.add(action.candidate, Section.FAILED, why, key=action.key)
            return
        request, notes = _parts(rehearsal)
        self.report.add(
            action.candidate,
            Section.OPENED,
            action.why,
            key=action.key,
            rehearsal=request,
            notes=notes,
        )

    def _foretell_stories(self, actions: Sequence[Action]) -> None:
        wanted = missing_stories([a.candidate for a in actions], self.states, self.run)
        rehearsals = self._rehearse([draft for _, draft in wanted])
        for candidate, draft in wanted:
            rehearsal = rehearsals.get(draft.key)
            is_failed = isinstance(rehearsal, TrackerError)
            request, notes = _parts(None if is_failed else rehearsal)
            why = f"would be refused: {rehearsal}" if is_failed else draft.title
            self.report.add_story(
                candidate, draft.key, why, is_failed=is_failed, rehearsal=request, notes=notes
            )
        for action in actions:
            if isinstance(action, Open) and wants_stories(action.candidate):
                # The tracker can't be asked about children of what isn't there.
                epic = EpicRef(action.key, "", "")
                for draft in draft_workstreams(action.candidate, epic=epic, now=self.run.now):
                    shown = {"title": draft.title, "body": draft.body, "epic": epic.key}
                    self.report.add_story(
                        action.candidate,
                        draft.key,
                        draft.title,
                        is_failed=False,
                        rehearsal=shown,
                        notes=(_NEW_PARENT,),
                    )

    def _rehearse(self, drafts: Sequence[EpicDraft]) -> Mapping[str, Preview | TrackerError]:
        if not drafts:
            return {}
        try:
            return self.run.tracker.preview(drafts)
        except TrackerError as error:
            self.run.stop_on(error)
            return {draft.key: error for draft in drafts}


def _parts(rehearsal: Preview | TrackerError | None) -> tuple[Any, tuple[str, ...]]:
    if not isinstance(rehearsal, Preview):
        return None, ()
    # Through JSON, because the report becomes metadata.
    return json.loads(json.dumps(rehearsal.request, default=str)), rehearsal.notes


def _shown(change: EpicChange) -> dict[str, Any]:
    figures = {"score": change.score, "slo_burn": change.slo_burn}
    return {"comment": change.body, "figures": figures}
