"""A tracker that writes nothing and remembers what it would have sent: a dry run uses it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestration.trackers.protocol import (
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    Preview,
    StatusOutcome,
    Tracker,
    TrackerError,
)

_NEW_PARENT = "it goes below its epic, whose id is known once that is open"


class PreviewTracker:
    """Reads `tracker` and keeps what would be written to it in `previews`, by key."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self.previews: dict[str, Preview] = {}

    def __getattr__(self, name: str) -> Any:
        """Everything that reads is the tracker's own."""
        return getattr(self._tracker, name)

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        """What the tracker's own preview says; it can't be asked about children of new epics."""
        # An epic that is new has no id.
        asked = [draft for draft in drafts if draft.parent is None or draft.parent.id]
        answers = dict(self._tracker.preview(asked)) if asked else {}
        for draft in drafts:
            if draft.parent and not draft.parent.id:
                request = {"title": draft.title, "body": draft.body, "epic": draft.parent.key}
                answers[draft.key] = Preview(request, (_NEW_PARENT,))
        outcomes: dict[str, CreateOutcome] = {}
        for key, answer in answers.items():
            if isinstance(answer, TrackerError):
                outcomes[key] = type(answer)(f"would be rejected: {answer}")
                continue
            # Through JSON, because the report becomes metadata.
            request = json.loads(json.dumps(answer.request, default=str))
            self.previews[key] = replace(answer, request=request)
            outcomes[key] = EpicRef(key, "", "")
        return outcomes

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """As the tracker has them; what would be new has no status yet."""
        known = [ref for ref in refs if ref.id]
        return self._tracker.status(known) if known else {}

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Keep the comment and the numbers."""
        figures = {"score": change.score, "slo_burn": change.slo_burn}
        self.previews[ref.key] = Preview({"comment": change.body, "figures": figures})

    close = update
