"""What a run did to each row, or would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from orchestration.epics.candidates import Candidate, Section
from orchestration.ledger import EpicRecord
from orchestration.trackers.protocol import Preview
from orchestration.trackers.text import one_line


@dataclass(frozen=True)
class Verdict:
    """Where a row, or a story, ends up in the report and why; record: its epic there."""

    section: Section
    reason: str
    record: EpicRecord | None = None


@dataclass(frozen=True)
class EpicEntry:
    """One service in the report, or one story; `key` and `url` are None while it has no epic.

    preview: in a dry run, what would be sent; `notes` what to know about it.
    """

    service_id: str
    service: str
    key: str | None
    reason: str
    url: str | None = None
    preview: Any = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, c: Candidate, verdict: Verdict, key: str | None, previews: Mapping[str, Preview]
    ) -> EpicEntry:
        """key: shown if the verdict has no record."""
        key = verdict.record.key if verdict.record else key
        url = verdict.record.url if verdict.record else None
        preview = previews.get(key or "", Preview(None))
        shown = (one_line(c.service_id), c.name, key, one_line(verdict.reason, 1000), url)
        return cls(*shown, preview.request, preview.notes)


@dataclass(frozen=True, kw_only=True)
class EpicsReport:
    """Every row of `rpt_promotion_candidates`, each in exactly one part, by rank.

    stories, stories_failed: what was opened below epics, beside the rows. stopped: why the run
    ended early, or why the tracker could not be asked before the decisions; rows it didn't reach
    are in `failed`, and the next run retries them.
    """

    run_id: str
    tracker: str
    dry_run: bool
    opened: tuple[EpicEntry, ...] = ()
    already_open: tuple[EpicEntry, ...] = ()
    updated: tuple[EpicEntry, ...] = ()
    bundled: tuple[EpicEntry, ...] = ()
    shared: tuple[EpicEntry, ...] = ()
    waiting: tuple[EpicEntry, ...] = ()
    blocked: tuple[EpicEntry, ...] = ()
    closed: tuple[EpicEntry, ...] = ()
    closed_as_hygiene: tuple[EpicEntry, ...] = ()
    failed: tuple[EpicEntry, ...] = ()
    stories: tuple[EpicEntry, ...] = ()
    stories_failed: tuple[EpicEntry, ...] = ()
    stopped: str | None = None

    @property
    def has_changes(self) -> bool:
        """Whether the tracker was written to, or would be."""
        return bool(self.opened or self.updated or self.bundled or self.closed or self.stories)

    @property
    def is_clean(self) -> bool:
        """Whether the tracker accepted everything and the run reached every row."""
        return not (self.failed or self.stories_failed or self.stopped)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each part has, in the order of `Section`."""
        return {section: len(getattr(self, section)) for section in get_args(Section)}
