"""The common part of the checks of remote trackers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime

from orchestration.http import SourceError
from orchestration.trackers.protocol import Check, EpicDraft


def step(name: str, find_problems: Callable[[], Iterable[str]], success: str = "ok") -> Check:
    """One check: what it finds wrong, what it could not ask, or `success`."""
    try:
        found = "; ".join(dict.fromkeys(find_problems()))
    except SourceError as error:
        found = str(error)
    return Check(name, not found, found or success)


def fine(_: object) -> tuple[str, ...]:
    """No problem: being able to ask was enough."""
    return ()


def sample_draft(*, owner: str, project_key: str = "", band: str = "") -> EpicDraft:
    """An epic with everything, to see where it would go; it is never created."""
    return EpicDraft(
        key="paydown-sample",
        title="May paydown open epics?",
        body="Sample",
        service_id="sample",
        service="sample",
        owner=owner,
        due_date=date(2026, 1, 1),
        score=1,
        slo_burn=1.0,
        estimate_days=1.0,
        budget_usd=1.0,
        current_maturity="bronze",
        target_maturity="silver",
        band=band,
        rubric_hash="sample",
        scoring_date=date(2026, 1, 1),
        risk_ids=("SAMPLE-1",),
        labels=("paydown-sample",),
        project_key=project_key,
        opened_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
