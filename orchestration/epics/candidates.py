"""Rows of `rpt_promotion_candidates`, each with its row of `rpt_epic_decisions`, typed."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestration.ledger import EpicRecord, Evidence
from orchestration.trackers.text import one_line

_SLUG_LIMIT = 40
_LIKE_A_KEY = re.compile(r"-(?=[0-9a-f]{8}-c[0-9])")


# The parts of the report, named as in the decision; every row ends up in exactly one.
# shared: its fix is shared by several services, whose one epic is named. closed: its epic was just
# closed. closed_as_hygiene: below the bands, with nothing to close, or others worked on it.
Section: TypeAlias = Literal[
    "opened", "already_open", "updated", "bundled", "shared", "waiting", "blocked", "closed",
    "closed_as_hygiene", "failed",
]  # fmt: skip


class Source(NamedTuple):
    """An incident or a postmortem; title and address are empty if nobody wrote one."""

    id: str
    title: str = ""
    url: str = ""


class Item(BaseModel):
    """A row of `rpt_epic_evidence`: what one incident or postmortem contributes to the epic."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    evidence_kind: str
    source_id: str | None = None
    postmortem_id: str | None = None
    evidence_title: str | None = None
    detail: str | None = None
    assignee: str | None = None
    status: str | None = None
    url: str | None = None
    severity_level: int | None = None
    mention_count: int | None = None
    duration_seconds: int | None = None
    estimate_days: float | None = None
    occurred_at: datetime | None = None
    due_on: date | None = None


def _line(value: object) -> str:
    return "" if value is None else one_line(value)


def _parts(value: object, separator: str) -> tuple[str, ...]:
    parts = ("" if value is None else str(value)).split(separator)
    return tuple(line for line in map(one_line, parts) if line)


def _sources(value: object) -> tuple[Source, ...]:
    """Lines of id, title and address, separated by tabs."""
    lines = ("" if value is None else str(value)).split("\n")
    parts = ([part.strip() for part in line.split("\t")] for line in lines if line.strip())
    return tuple(Source(*part[:3]) for part in parts)


Text = Annotated[str, BeforeValidator(_line)]
Commas = Annotated[tuple[str, ...], BeforeValidator(lambda value: _parts(value, ","))]
Lines = Annotated[tuple[str, ...], BeforeValidator(lambda value: _parts(value, "\n"))]
Links = Annotated[tuple[Source, ...], BeforeValidator(_sources)]
Count = Annotated[int, BeforeValidator(lambda value: value or 0)]


class Candidate(BaseModel):
    """One scored service, or shared fix with its `members`, and what is to be done.

    epic_key: of the epic that is open or begun, None for one yet to be opened. ledger_service_id:
    its id in the ledger, from before it was renamed. update_count: what the decision is based on,
    see `EpicRecord`. shared_epic_key: of the shared fix that the epic must point to.
    tracker_problem: why the tracker could not be asked before the decision.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    service_id: str
    service_name: Text
    scoring_date: date
    score_rank: int
    score: int
    score_delta: int | None
    coverage: Annotated[float, BeforeValidator(lambda value: value or 0.0)]
    band: Text
    owner: Text
    due_date: date | None
    proven_after: date | None = None
    estimate_days: float | None
    budget_usd: float | None
    current_maturity: Text
    declared_maturity: Text = ""
    target_maturity: Text
    exit_criteria: Lines
    fix_classes: Commas
    reasons: Lines
    incident_ids: Commas
    risk_ids: Commas
    slo_chart_url: str | None
    project_key: Text
    rubric_hash: Text
    members: Commas
    slo_burn: float | None
    change_window: Text
    factor_changes: Lines
    incident_links: Links
    postmortem_links: Links
    incident_count: Count
    day_rate_usd: float | None = None
    items: Annotated[tuple[Item, ...], BeforeValidator(lambda value: value or ())] = ()

    # From `rpt_epic_case`: the state before, and what must be true afterwards.
    window_days: int | None = None
    costed_count: int | None = None
    cost_usd: float | None = None
    stated_usd: float | None = None
    repeats: int | None = None
    repeats_target: int | None = None
    out_of_hours_count: int | None = None
    out_of_hours_target: int | None = None
    median_active_seconds: float | None = None
    median_active_seconds_target: float | None = None

    epic_action: Literal["open", "update", "close", "none"]
    section: Section
    reason: str
    epic_key: str | None
    ledger_service_id: str | None = None
    previous_epic_key: str | None
    shared_epic_key: str | None
    team: Text
    cycle_number: Annotated[int, Field(ge=1)] | None
    update_count: Count
    has_stories: bool
    tracker_problem: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return one_line(self.service_name or self.service_id, 200)

    def items_of(self, kind: str) -> list[Item]:
        """Its evidence of one kind, in order."""
        return [item for item in self.items if item.evidence_kind == kind]

    @property
    def evidence(self) -> Evidence:
        """The evidence that an epic for this service has."""
        return Evidence(self.incident_ids, self.score, self.band, self.slo_burn)

    def epic(self, tracker: str, cycle: int | None = None) -> EpicRecord:
        """Its epic of a cycle, by default the one that is open, begun or yet to be opened."""
        known_as = self.ledger_service_id or self.service_id
        key = self.epic_key or epic_key(known_as, self.cycle_number or 1)
        previous = self.previous_epic_key
        if cycle is not None:
            key = epic_key(known_as, cycle)
            previous = epic_key(known_as, cycle - 1) if cycle > 1 else None
        return EpicRecord(
            tracker=tracker,
            key=key,
            service_hash=_sha256(known_as),
            service=self.name,
            cycle=cycle or self.cycle_number or 1,
            previous_key=previous,
            evidence=self.evidence,
            team=self.team or None,
        )


def epic_key(service_id: str, cycle: int) -> str:
    """The key of a service's epic, safe as label and file name; the hash distinguishes services."""
    return f"paydown-{slug(service_id)}-{_sha256(service_id)[:8]}-c{cycle}"


def service_label(service: str) -> str:
    """The label of all epics of a service, by which a catalog's Jira card finds them.

    It is the same in all cycles, and is never read as an epic's key.
    """
    return _LIKE_A_KEY.sub("_", f"paydown-service-{slug(service)}")


def slug(service_id: str) -> str:
    """The last segment of an id, as people and machines can both write it."""
    for part in (service_id.rsplit("/", 1)[-1], service_id):
        ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
        found = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:_SLUG_LIMIT].strip("-")
        if found:
            return found
    return "service"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_candidates(rows: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """All rows by rank; ValueError naming service and column, also for two rows of a service."""
    candidates: dict[str, Candidate] = {}
    for row in rows:
        service = row.get("service_id", "without service_id")
        if service in candidates:
            raise ValueError(f"rpt_promotion_candidates has two rows of {service!r}")
        try:
            candidates[service] = Candidate.model_validate(dict(row))
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
            )
            raise ValueError(f"rpt_promotion_candidates, row of {service!r}: {wrong}") from None
    return sorted(candidates.values(), key=lambda c: (c.score_rank, c.service_id))
