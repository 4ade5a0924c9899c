"""What a run of the epics publisher did, or would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestration.epics.candidates import Candidate
from orchestration.epics.plan import Section
from orchestration.ledger import EpicRecord
from orchestration.trackers.text import one_line


@dataclass(frozen=True)
class EpicEntry:
    """One service in the report, or one story; `key` and `url` are None while it has no epic.

    rehearsal: in a dry run, what would be sent; `notes` what to know of it.
    """

    service_id: str
    service: str
    key: str | None
    reason: str
    url: str | None = None
    rehearsal: Any = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EpicsReport:
    """Every row of `rpt_promotion_candidates`, each in exactly one part, by rank.

    stories, stories_failed: what was opened below epics, beside the rows.
    stopped: why the run ended early (no permission, tracker not reachable), else None. The rows
    that it didn't get to are in `failed`, and the next run tries them again.
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
        """Whether the tracker took everything and the run got to every row."""
        return not (self.failed or self.stories_failed or self.stopped)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows each part has, in the order of `Section`."""
        return {section.value: len(getattr(self, section.value)) for section in Section}


class ReportBuilder:
    """Collects one entry a candidate, and the stories."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self._ranks = {candidate.service_id: n for n, candidate in enumerate(candidates)}
        self._entries: dict[str, tuple[Section, EpicEntry]] = {}
        self._stories: list[EpicEntry] = []
        self._stories_failed: list[EpicEntry] = []

    def add(
        self,
        candidate: Candidate,
        section: Section,
        reason: str,
        *,
        key: str | None = None,
        url: str | None = None,
        rehearsal: Any = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Put `candidate` into `section`."""
        entry = _entry(candidate, key, reason, url, rehearsal, notes)
        self._entries[candidate.service_id] = (section, entry)

    def add_epic(
        self,
        candidate: Candidate,
        section: Section,
        reason: str,
        record: EpicRecord,
        rehearsal: Any = None,
    ) -> None:
        """Put `candidate` into `section` with its epic."""
        self.add(candidate, section, reason, key=record.key, url=record.url, rehearsal=rehearsal)

    def add_story(
        self,
        candidate: Candidate,
        key: str,
        reason: str,
        *,
        is_failed: bool,
        url: str | None = None,
        rehearsal: Any = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Add a story of the candidate's epic that was opened, or could not be."""
        entry = _entry(candidate, key, reason, url, rehearsal, notes)
        (self._stories_failed if is_failed else self._stories).append(entry)

    def build(
        self, *, run_id: str, tracker: str, dry_run: bool, stopped: str | None
    ) -> EpicsReport:
        """The report; ValueError when a candidate is missing from it."""
        if missing := self._ranks.keys() - self._entries.keys():
            raise ValueError(f"not accounted for: {sorted(missing)}")
        parts: dict[str, tuple[EpicEntry, ...]] = {}
        for section in Section:
            found = [
                (self._ranks[service_id], entry)
                for service_id, (in_section, entry) in self._entries.items()
                if in_section is section
            ]
            parts[section.value] = tuple(entry for _, entry in sorted(found, key=lambda f: f[0]))
        return EpicsReport(
            run_id=run_id,
            tracker=tracker,
            dry_run=dry_run,
            stories=tuple(self._stories),
            stories_failed=tuple(self._stories_failed),
            stopped=one_line(stopped) if stopped else None,
            **parts,
        )


def _entry(
    candidate: Candidate,
    key: str | None,
    reason: str,
    url: str | None,
    rehearsal: Any,
    notes: tuple[str, ...],
) -> EpicEntry:
    service_id, service = one_line(candidate.service_id), one_line(candidate.service_name)
    return EpicEntry(service_id, service, key, reason, url, rehearsal, notes)
