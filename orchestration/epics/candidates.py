"""Rows of `rpt_promotion_candidates`, each with its row of `rpt_epic_decisions`, typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestration.ledger import Evidence


class Section(StrEnum):
    """The parts of the report, as the decision names them; every row ends in exactly one.

    shared: its fix is one of several services', whose one epic is named. closed: its epic was
    closed now. closed_as_hygiene: below the bands, and there was nothing to close, or others have
    worked on it.
    """

    OPENED = "opened"
    ALREADY_OPEN = "already_open"
    UPDATED = "updated"
    BUNDLED = "bundled"
    SHARED = "shared"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CLOSED = "closed"
    CLOSED_AS_HYGIENE = "closed_as_hygiene"
    FAILED = "failed"


@dataclass(frozen=True)
class Source:
    """An incident or a postmortem; title and address are empty where nobody wrote one."""

    id: str
    title: str = ""
    url: str = ""


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _listed(separator: str) -> BeforeValidator:
    def split(value: object) -> tuple[str, ...]:
        parts = (part.strip() for part in _text(value).split(separator))
        return tuple(part for part in parts if part)

    return BeforeValidator(split)


def _sources(value: object) -> tuple[Source, ...]:
    """Lines of id, title and address with tabs between them."""
    lines = (line for line in ("" if value is None else str(value)).split("\n") if line.strip())
    parts = ([part.strip() for part in line.split("\t")] for line in lines)
    return tuple(Source(*part[:3]) for part in parts)


Text = Annotated[str, BeforeValidator(_text)]
Commas = Annotated[tuple[str, ...], _listed(",")]
Lines = Annotated[tuple[str, ...], _listed("\n")]
Links = Annotated[tuple[Source, ...], BeforeValidator(_sources)]


class Candidate(BaseModel):
    """One scored service, or shared fix, at the latest scoring date, and what is to be done.

    members: the services of a shared fix. epic_key: of the epic that is open or begun; None for
    one that is yet to be opened, of cycle `cycle_number`. update_count: what the decision rests
    on, see `EpicRecord`. shared_epic_key: an epic of a shared fix that the epic must point to.
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
    estimate_days: float | None
    budget_usd: float | None
    current_maturity: Text
    target_maturity: Text
    exit_criteria: Lines
    fix_classes: Commas
    reasons: Lines
    incident_ids: Commas
    postmortem_ids: Commas
    risk_ids: Commas
    slo_chart_url: Text
    project_key: Text
    rubric_hash: Text
    members: Commas
    slo_burn: float | None
    change_window: Text
    factor_changes: Lines
    incident_links: Links
    postmortem_links: Links
    incident_count: Annotated[int, BeforeValidator(lambda value: value or 0)]

    epic_action: Literal["open", "update", "close", "none"]
    section: Section
    reason: Text
    epic_key: str | None
    previous_epic_key: str | None
    shared_epic_key: str | None
    team: Text
    cycle_number: Annotated[int, Field(ge=1)] | None
    update_count: int | None
    has_stories: bool
    tracker_problem: str | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.service_name or self.service_id

    @property
    def service_hash(self) -> str:
        """SHA-256 of the service's id: its identity in the ledger."""
        return hashlib.sha256(self.service_id.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def evidence(self) -> Evidence:
        """What an epic for this service says."""
        ids = tuple(sorted(set(self.incident_ids)))
        return Evidence(ids, self.score, self.band, self.slo_burn)


def read_candidates(rows: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """All rows by rank, each a mapping with the columns of both marts.

    Raises ValueError naming service and column, also when a service has two rows.
    """
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
