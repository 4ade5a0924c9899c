"""Acts on what dbt decided: each decision is claimed, sent and recorded, once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from orchestration.epics import changing
from orchestration.epics.candidates import Candidate, read_candidates
from orchestration.epics.content import draft_epic, draft_stories
from orchestration.epics.opening import Opening, open_all, story_record
from orchestration.epics.playbooks import read_playbooks
from orchestration.epics.report import EpicEntry, EpicsReport, Verdict
from orchestration.epics.run import Run
from orchestration.ledger import EpicState, Ledger
from orchestration.ledger.models import UNFINISHED
from orchestration.trackers.protocol import (
    EpicChange,
    EpicDraft,
    EpicRef,
    Preview,
    StatusOutcome,
    Tracker,
)
from orchestration.trackers.text import one_line

_NEW_PARENT = "it goes below its epic, whose id is known once the epic is open"
_MOVED_ON = "the ledger has changed since this was decided; the next run decides again"


def publish_epics(
    rows: Iterable[Mapping[str, Any]], run: Run, *, dry_run: bool = False
) -> EpicsReport:
    """Bring the run's tracker in line with `rows`, and report the outcome of each row.

    rows: mappings with the columns of `rpt_promotion_candidates` and `rpt_epic_decisions`.
    dry_run: the same with a copy of the ledger and a tracker that only records.

    Running again with the same rows changes nothing. A run killed at any point is completed by the
    next one. Bad rows raise ValueError before anything is done; rejections by the tracker are in
    the report.
    """
    candidates = read_candidates(rows)
    if not dry_run:
        return _Publisher(candidates, run).publish({})
    preview = _PreviewTracker(run.tracker)
    with TemporaryDirectory() as folder:
        copy = Ledger(f"sqlite:///{Path(folder) / 'ledger.db'}")
        run.ledger.copy_to(copy)
        run = replace(run, ledger=copy, tracker=cast(Tracker, preview))
        return replace(_Publisher(candidates, run).publish(preview.previews), dry_run=True)


class _PreviewTracker:
    """Reads `tracker` and keeps in `previews`, by key, what a run would write to it."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.previews: dict[str, Preview] = {}

    def __getattr__(self, name: str) -> Any:
        """Reads go to the tracker itself."""
        return getattr(self._tracker, name)

    def create(self, draft: EpicDraft) -> EpicRef:
        """The tracker's own preview; it can't be asked about children of new epics."""
        if draft.parent and not draft.parent.id:
            request = {"title": draft.title, "body": draft.body, "epic": draft.parent.key}
            preview = Preview(request, (_NEW_PARENT,))
        else:
            preview = self._tracker.preview(draft)
        # Through JSON, because the report becomes metadata.
        request = json.loads(json.dumps(preview.request, default=str))
        self.previews[draft.key] = replace(preview, request=request)
        return EpicRef(draft.key, "", "")

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """As in the tracker; what would be new has no status yet."""
        known = [ref for ref in refs if ref.id]
        return self._tracker.status(known) if known else {}

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Keep the comment and the numbers."""
        figures = {"score": change.score, "slo_burn": change.slo_burn}
        self.previews[ref.key] = Preview({"comment": change.body, "figures": figures})

    close = update


class _Publisher:
    """One run over all candidates. Each has the decided outcome until it is acted on."""

    def __init__(self, candidates: Sequence[Candidate], run: Run) -> None:
        self.candidates, self.run = candidates, run
        self.playbooks = read_playbooks()
        self.epics = {c.service_id: c.epic(run.tracker.name) for c in candidates}
        self.records = run.records()
        self.verdicts = {
            c.service_id: Verdict(c.section, c.reason, self.records.get(c.epic_key or ""))
            for c in candidates
        }
        self.stories: list[tuple[Candidate, str, Verdict]] = []

    def publish(self, previews: Mapping[str, Preview]) -> EpicsReport:
        """previews: filled by a dry run's tracker with what would be sent, by key."""
        self.open_epics()
        self.open_stories()
        self.change_epics()
        parts: dict[str, list[EpicEntry]] = defaultdict(list)
        for c in self.candidates:
            verdict = self.verdicts[c.service_id]
            key = c.epic_key if c.epic_action != "open" else self.epics[c.service_id].key
            parts[verdict.section].append(EpicEntry.of(c, verdict, key, previews))
        for c, key, verdict in self.stories:
            part = "stories" if verdict.section == "opened" else "stories_failed"
            parts[part].append(EpicEntry.of(c, verdict, key, previews))
        away = (c.tracker_problem for c in self.candidates if c.tracker_problem)
        stopped = self.run.stopped or next(away, None)
        return EpicsReport(
            run_id=self.run.run_id,
            tracker=self.run.tracker.name,
            dry_run=False,
            stopped=one_line(stopped) if stopped else None,
            **{part: tuple(entries) for part, entries in parts.items()},
        )

    def open_epics(self) -> None:
        """Open what is to be opened."""
        wanted = {
            self.epics[c.service_id].key: c for c in self.candidates if c.epic_action == "open"
        }
        openings = []
        for c in wanted.values():
            epic = self.epics[c.service_id]
            draft = draft_epic(c, self.playbooks, epic, self.run.now)
            openings.append(Opening(epic, draft, c.reason))
        verdicts = open_all(self.run, openings)
        self.verdicts |= {wanted[key].service_id: verdict for key, verdict in verdicts.items()}
        # The state of those that this run didn't open is known next time.
        opened = (one for one in verdicts.values() if one.section == "opened")
        self.records |= {one.record.key: one.record for one in opened if one.record}

    def open_stories(self) -> None:
        """Open what is missing below open epics, in batches as for epics."""
        finished = {k for k, record in self.records.items() if record.state not in UNFINISHED}
        owners: dict[str, Candidate] = {}
        openings = []
        for c in self.candidates:
            epic = self.records.get(self.epics[c.service_id].key)
            is_open = epic is not None and epic.state is EpicState.OPENED
            if epic is None or not is_open or not c.has_stories or self.run.stopped:
                continue
            for draft in draft_stories(c, self.playbooks, epic, self.run.now, finished):
                owners[draft.key] = c
                story = story_record(self.run.tracker.name, draft)
                why = f"{draft.title}, a story of {epic.key}"
                openings.append(Opening(story, draft, why))
        for key, verdict in open_all(self.run, openings).items():
            if verdict.section in ("opened", "failed"):
                self.stories.append((owners[key], key, verdict))

    def change_epics(self) -> None:
        """Update what has new evidence, then close what is over."""
        changes = ("update", "close")
        wanted = [c for action in changes for c in self.candidates if c.epic_action == action]
        records = self.run.records() if wanted else {}
        for c in wanted:
            epic = records.get(c.epic_key or "")
            if epic is None or epic.state is not EpicState.OPENED:
                verdict = Verdict("waiting", _MOVED_ON)
            elif c.epic_action == "update":
                shared = records.get(c.shared_epic_key or "")
                verdict = changing.update(self.run, c, epic, shared)
            else:
                stories = [r for r in records.values() if r.parent_key == epic.key]
                verdict = changing.close(self.run, c, epic, stories)
            self.verdicts[c.service_id] = replace(verdict, record=epic)
