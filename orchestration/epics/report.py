"""What a run did to each row, or would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestration.epics.candidates import Candidate, Section
from orchestration.epics.run import Run
from orchestration.trackers.protocol import Preview
from orchestration.trackers.text import one_line


@dataclass(frozen=True)
class EpicEntry:
    """One service in the report, or one story; `key` and `url` are None while it has no epic.

    preview: in a dry run, what would be sent; `notes` what to know of it.
    """

    service_id: str
    service: str
    key: str | None
    reason: str
    url: str | None = None
    preview: Any = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EpicsReport:
    """Every row of `rpt_promotion_candidates`, each in exactly one part, by rank.

    stories, stories_failed: what was opened below epics, beside the rows.
    stopped: why the run ended early (no permission, tracker not reachable), or why the tracker
    could not be asked before the decisions, else None. The rows that it didn't get to are in
    `failed`, and the next run tries them again.
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
        """Whether the tracker accepted everything and the run got to every row."""
        return not (self.failed or self.stories_failed or self.stopped)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each part has, in the order of `Section`."""
        return {section.value: len(getattr(self, section.value)) for section in Section}


class ReportBuilder:
    """Collects one entry a candidate, and the stories; each candidate is as decided at first."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._sections: dict[str, str] = {c.service_id: c.section for c in candidates}
        self._entries = {c.service_id: _entry(c, c.epic_key, c.reason) for c in candidates}
        self._stories: dict[str, list[EpicEntry]] = {"stories": [], "stories_failed": []}

    def put(
        self, candidate: Candidate, section: Section, reason: str, key: str | None, url: str | None
    ) -> None:
        """Put `candidate` into `section`, with the epic that it has there."""
        self._sections[candidate.service_id] = section
        self._entries[candidate.service_id] = _entry(candidate, key, reason, url)

    def add_story(
        self, candidate: Candidate, key: str, reason: str, url: str | None, *, is_failed: bool
    ) -> None:
        """Add a story of the candidate's epic that was opened, or could not be."""
        part = self._stories["stories_failed" if is_failed else "stories"]
        part.append(_entry(candidate, key, reason, url))

    def build(
        self, run: Run, *, dry_run: bool, stopped: str | None, previews: Mapping[str, Preview]
    ) -> EpicsReport:
        """The report; `previews`: by key, what a dry run would send."""
        parts: dict[str, list[EpicEntry]] = {section.value: [] for section in Section}
        for service, entry in self._entries.items():
            parts[self._sections[service]].append(entry)
        shown = {
            name: tuple(_with_preview(entry, previews) for entry in entries)
            for name, entries in (parts | self._stories).items()
        }
        return EpicsReport(
            run_id=run.run_id,
            tracker=run.tracker.name,
            dry_run=dry_run,
            stopped=one_line(stopped) if stopped else None,
            **shown,
        )


def _entry(c: Candidate, key: str | None, reason: str, url: str | None = None) -> EpicEntry:
    return EpicEntry(one_line(c.service_id), one_line(c.name), key, one_line(reason, 1000), url)


def _with_preview(entry: EpicEntry, previews: Mapping[str, Preview]) -> EpicEntry:
    preview = previews.get(entry.key or "")
    return replace(entry, preview=preview.request, notes=preview.notes) if preview else entry
