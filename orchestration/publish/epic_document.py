"""What an epic says: its key, its draft, and the evidence that is added to it later."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime

from orchestration.ledger import Evidence
from orchestration.publish.candidates import Candidate
from orchestration.trackers.protocol import EpicChange, EpicDraft, Link
from orchestration.trackers.text import one_line

LABEL = "incident-modernization"
_TITLE_LIMIT = 250  # Jira and Azure DevOps take 255 characters.
_SLUG_LIMIT = 40


def epic_key(service_id: str, cycle: int) -> str:
    """The deterministic key of a service's epic, safe as a label and as a file name.

    The slug is for people, and comes from the last segment of the id because names change; the
    hash of the whole id keeps services apart.
    """
    hashed = hashlib.sha256(service_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"paydown-{_slug(service_id)}-{hashed[:8]}-c{cycle}"


def draft_epic(
    candidate: Candidate, *, key: str, previous_key: str | None, now: datetime
) -> EpicDraft:
    """The epic to open for a candidate that misses nothing; ValueError if it does."""
    if candidate.due_date is None or candidate.budget_usd is None or candidate.missing:
        raise ValueError(f"{candidate.service_id!r} misses {', '.join(candidate.missing)}")
    service = one_line(candidate.service_name, 200)
    goal = f" to {one_line(candidate.target_maturity, 20)}" if candidate.target_maturity else ""
    links = [Link("SLO chart", one_line(candidate.slo_chart_url, 2000))]
    return EpicDraft(
        key=key,
        title=one_line(f"Modernize {service}{goal}: score {candidate.score}", _TITLE_LIMIT),
        service_id=one_line(candidate.service_id),
        service=service,
        owner=one_line(candidate.owner),
        due_date=candidate.due_date,
        estimate_days=candidate.estimate_days,
        budget_usd=candidate.budget_usd,
        current_maturity=one_line(candidate.current_maturity),
        target_maturity=one_line(candidate.target_maturity),
        exit_criteria=_lines(candidate.exit_criteria),
        score=candidate.score,
        band=one_line(candidate.band),
        coverage=candidate.coverage,
        rubric_hash=one_line(candidate.rubric_hash),
        scoring_date=candidate.scoring_date,
        why=_lines(candidate.reasons),
        fix_classes=_lines(candidate.fix_classes),
        incident_ids=_lines(candidate.incident_ids),
        postmortem_ids=_lines(candidate.postmortem_ids),
        risk_ids=_lines(candidate.risk_ids),
        links=tuple(link for link in links if link.url),
        labels=(LABEL, key),
        project_key=one_line(candidate.project_key),
        opened_at=now,
        previous_key=previous_key,
    )


def draft_change(
    candidate: Candidate, *, key: str, told: Evidence | None, update_count: int, now: datetime
) -> EpicChange:
    """The evidence to add to an open epic that so far tells `told` (None: not known).

    Its id also counts the updates before it: evidence that comes back to what it once was is
    news again.
    """
    seed = f"{key} {update_count} {candidate.evidence.digest}"
    told_ids = set(told.incident_ids) if told else set()
    return EpicChange(
        change_id=f"change-{hashlib.sha256(seed.encode()).hexdigest()[:12]}",
        at=now,
        decision=str(candidate.decision),
        score=candidate.score,
        previous_score=told.score if told else None,
        band=one_line(candidate.band),
        why=_lines(candidate.reasons),
        new_incident_ids=_lines(tuple(sorted(set(candidate.incident_ids) - told_ids))),
        left_incident_ids=_lines(tuple(sorted(told_ids - set(candidate.incident_ids)))),
        rubric_hash=one_line(candidate.rubric_hash),
    )


def _slug(service_id: str) -> str:
    for part in (service_id.rsplit("/", 1)[-1], service_id):
        ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:_SLUG_LIMIT].strip("-")
        if slug:
            return slug
    return "service"


def _lines(items: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = (one_line(item) for item in items)
    return tuple(item for item in cleaned if item)
