"""One run of the epics publisher: candidates from the analysts' copy, then ledger and tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.ledger import Ledger
from orchestration.publish.analyst_copy import CURRENT, DATABASE
from orchestration.publish.epics import EpicsReport, publish_epics
from orchestration.settings import Settings
from orchestration.trackers.local import LocalTracker

CANDIDATES = "rpt_promotion_candidates"


def run_epics(settings: Settings, run_id: str) -> EpicsReport:
    """Make the tracker true to the published candidates.

    Raises:
        duckdb.Error: where nothing was published yet.
    """
    return publish_epics(
        read_mart(settings.published / CURRENT / DATABASE, CANDIDATES),
        Ledger(settings.ledger_url),
        LocalTracker(settings.epics),
        dry_run=settings.dry_run,
        now=settings.now(),
        run_id=run_id,
    )


def read_mart(database: Path, mart: str) -> list[dict[str, Any]]:
    """All rows of a mart in the analysts' copy, as mappings."""
    with duckdb.connect(str(database), read_only=True) as con:
        result = con.execute(f'select * from "{mart}"')
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
