"""Rows of `rpt_promotion_candidates`, typed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from orchestration.ledger import Evidence, Figures

REQUIRED_FIELDS = ("owner", "due_date", "budget", "exit_criteria")


class Decision(StrEnum):
    """What the mart decided for a service."""

    PROMOTE = "promote"
    BUNDLE = "bundle"
    BLOCKED = "blocked"
    CLOSE = "close"
    SHARED = "shared"


@dataclass(frozen=True)
class Source:
    """An incident or a postmortem; title and address are empty where nobody wrote one."""

    id: str
    title: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One scored service, or shared fix, at the latest scoring date; the mart's column names.

    members: the services of a shared fix. shared_fix_id: the fix that the row is, or that the
    service waits for.
    """

    service_id: str
    service_name: str
    scoring_date: date
    rank: int
    score: int
    score_delta: int | None
    coverage: float
    band: str
    decision: Decision
    missing_fields: tuple[str, ...]
    owner: str
    due_date: date | None
    estimate_days: float | None
    budget_usd: float | None
    current_maturity: str
    target_maturity: str
    exit_criteria: tuple[str, ...]
    fix_classes: tuple[str, ...]
    reasons: tuple[str, ...]
    incident_ids: tuple[str, ...]
    postmortem_ids: tuple[str, ...]
    risk_ids: tuple[str, ...]
    slo_chart_url: str
    project_key: str
    rubric_hash: str
    newest_incident_at: datetime | None
    team_id: str
    wip_limit: int | None
    members: tuple[str, ...]
    shared_fix_id: str
    slo_burn: float | None
    change_window: str
    factor_changes: tuple[str, ...]
    incident_links: tuple[Source, ...]
    postmortem_links: tuple[Source, ...]
    incident_count: int

    @property
    def service_hash(self) -> str:
        """SHA-256 of the service's id: its identity in the ledger."""
        return hashlib.sha256(self.service_id.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def team(self) -> str:
        """Whose limit of open epics it counts against: the team, else the owner itself."""
        return self.team_id or self.owner

    @property
    def evidence(self) -> Evidence:
        """What an epic for this service rests on."""
        return Evidence(self.incident_ids, self.score, self.band)

    @property
    def figures(self) -> Figures:
        """The numbers that an epic for this service keeps true."""
        return Figures(
            score=self.score,
            slo_burn=self.slo_burn,
            estimate_days=self.estimate_days,
            budget_usd=self.budget_usd,
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What keeps this row from being an epic, as the mart says and as its columns show."""
        absent = {
            "owner": not self.owner,
            "due_date": self.due_date is None,
            "budget": self.budget_usd is None,
            "exit_criteria": not self.exit_criteria,
        }
        named = [name for name in REQUIRED_FIELDS if absent[name] or name in self.missing_fields]
        return (*named, *(name for name in self.missing_fields if name not in REQUIRED_FIELDS))

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Candidate:
        """A mapping of the mart's columns; KeyError and ValueError name the service and column."""
        try:
            return cls(
                service_id=str(row["service_id"]),
                service_name=_text(row["service_name"]) or str(row["service_id"]),
                scoring_date=_required(_date(row["scoring_date"])),
                rank=int(row["score_rank"]),
                score=int(row["score"]),
                score_delta=None if _is_null(row["score_delta"]) else int(row["score_delta"]),
                coverage=_number(row["coverage"]) or 0.0,
                band=_text(row["band"]),
                decision=Decision(row["decision"]),
                missing_fields=_items(row["missing_fields"], ","),
                owner=_text(row["owner"]),
                due_date=_date(row["due_date"]),
                estimate_days=_number(row["estimate_days"]),
                budget_usd=_number(row["budget_usd"]),
                current_maturity=_text(row["current_maturity"]),
                target_maturity=_text(row["target_maturity"]),
                exit_criteria=_items(row["exit_criteria"], "\n"),
                fix_classes=_items(row["fix_classes"], ","),
                reasons=_items(row["reasons"], "\n"),
                incident_ids=tuple(sorted(set(_items(row["incident_ids"], ",")))),
                postmortem_ids=_items(row["postmortem_ids"], ","),
                risk_ids=_items(row["risk_ids"], ","),
                slo_chart_url=_text(row["slo_chart_url"]),
                project_key=_text(row["project_key"]),
                rubric_hash=_text(row["rubric_hash"]),
                newest_incident_at=_timestamp(row["newest_incident_at"]),
                team_id=_text(row["team_id"]),
                wip_limit=None if _is_null(row["wip_limit"]) else int(row["wip_limit"]),
                members=_items(row["members"], ","),
                shared_fix_id=_text(row["shared_fix_id"]),
                slo_burn=_number(row["slo_burn"]),
                change_window=_text(row["change_window"]),
                factor_changes=_items(row["factor_changes"], "\n"),
                incident_links=_sources(row["incident_links"]),
                postmortem_links=_sources(row["postmortem_links"]),
                incident_count=int(_number(row["incident_count"]) or 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            service = row.get("service_id", "without service_id")
            kind = KeyError if isinstance(error, KeyError) else ValueError
            raise kind(f"rpt_promotion_candidates, row of {service!r}: {error}") from None


def read_candidates(rows: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """All rows by rank; ValueError when a service has two rows."""
    candidates = sorted(map(Candidate.from_row, rows), key=lambda c: (c.rank, c.service_id))
    seen: set[str] = set()
    for candidate in candidates:
        if candidate.service_id in seen:
            raise ValueError(f"rpt_promotion_candidates has two rows of {candidate.service_id!r}")
        seen.add(candidate.service_id)
    return candidates


def _is_null(value: object) -> bool:
    # NaN and NaT, which data frames use for null, are the values that differ from themselves.
    return value is None or value != value


def _text(value: object) -> str:
    return "" if _is_null(value) else str(value).strip()


def _number(value: Any) -> float | None:
    return None if _is_null(value) else float(value)


def _items(value: object, separator: str) -> tuple[str, ...]:
    parts = (part.strip() for part in _text(value).split(separator))
    return tuple(part for part in parts if part)


def _sources(value: object) -> tuple[Source, ...]:
    """Lines of id, title and address with tabs between them."""
    text = "" if _is_null(value) else str(value)
    parts = ([p.strip() for p in line.split("\t")] for line in text.split("\n") if line.strip())
    return tuple(Source(*part[:3]) for part in parts)


def _date(value: Any) -> date | None:
    if _is_null(value) or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _timestamp(value: Any) -> datetime | None:
    if _is_null(value) or value == "":
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _required(value: date | None) -> date:
    if value is None:
        raise ValueError("scoring_date is null")
    return value
