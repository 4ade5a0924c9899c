"""An epic's key, its draft, and the change that is told in it later."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime

from orchestration.epics.candidates import Candidate
from orchestration.epics.content.body import epic_body
from orchestration.epics.content.change_body import change_body
from orchestration.epics.content.playbooks import Playbooks, read_playbooks
from orchestration.ledger import Evidence
from orchestration.trackers.markdown_body import render
from orchestration.trackers.protocol import EpicChange, EpicDraft
from orchestration.trackers.text import one_line

LABEL = "incident-modernization"
TITLE_LIMIT = 250  # Jira and Azure DevOps take 255 characters.
_SLUG_LIMIT = 40


def epic_key(service_id: str, cycle: int) -> str:
    """The deterministic key of a service's epic, safe as a label and as a file name.

    The slug is for people, and comes from the last segment of the id because names change; the
    hash of the whole id keeps services apart.
    """
    hashed = hashlib.sha256(service_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"paydown-{slug(service_id)}-{hashed[:8]}-c{cycle}"


def draft_epic(
    candidate: Candidate,
    *,
    key: str,
    previous_key: str | None,
    now: datetime,
    playbooks: Playbooks | None = None,
) -> EpicDraft:
    """The epic to open for a candidate that misses nothing; ValueError if it does.

    playbooks: by default those of the configured folder.
    """
    if candidate.due_date is None or candidate.budget_usd is None or candidate.missing:
        raise ValueError(f"{candidate.service_id!r} misses {', '.join(candidate.missing)}")
    service = one_line(candidate.service_name, 200)
    goal = f" to {one_line(candidate.target_maturity, 20)}" if candidate.target_maturity else ""
    known = read_playbooks() if playbooks is None else playbooks
    return EpicDraft(
        key=key,
        title=one_line(f"Modernize {service}{goal}", TITLE_LIMIT),
        body=render(epic_body(candidate, previous_key, known)),
        service_id=one_line(candidate.service_id),
        service=service,
        members=_lines(candidate.members),
        owner=one_line(candidate.owner),
        due_date=candidate.due_date,
        score=candidate.score,
        slo_burn=candidate.slo_burn,
        estimate_days=candidate.estimate_days,
        budget_usd=candidate.budget_usd,
        current_maturity=one_line(candidate.current_maturity),
        target_maturity=one_line(candidate.target_maturity),
        band=one_line(candidate.band),
        rubric_hash=one_line(candidate.rubric_hash),
        scoring_date=candidate.scoring_date,
        risk_ids=_lines(candidate.risk_ids),
        change_window=candidate.change_window if candidate.change_window != "none" else "",
        labels=(LABEL, key),
        project_key=one_line(candidate.project_key),
        opened_at=now,
        previous_key=previous_key,
    )


def draft_change(
    candidate: Candidate,
    *,
    key: str,
    told: Evidence | None,
    update_count: int,
    now: datetime,
) -> EpicChange:
    """The evidence to add to an open epic that so far tells `told` (None: not known).

    The id also counts the updates before it: evidence that returns to a former state is new.
    """
    seed = f"{key} {update_count} {candidate.evidence.digest}"
    return EpicChange(
        change_id=f"change-{hashlib.sha256(seed.encode()).hexdigest()[:12]}",
        at=now,
        body=render(change_body(candidate, told)),
        score=candidate.score,
        slo_burn=candidate.slo_burn,
    )


def slug(service_id: str) -> str:
    """The last segment of an id, as people and machines can both write it."""
    for part in (service_id.rsplit("/", 1)[-1], service_id):
        ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
        slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower())[:_SLUG_LIMIT].strip("-")
        if slug:
            return slug
    return "service"


def _lines(items: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = (one_line(item) for item in items)
    return tuple(item for item in cleaned if item)
