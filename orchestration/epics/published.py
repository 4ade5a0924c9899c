"""One run of the epics publisher: candidates from the analysts' copy, then ledger and tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from orchestration.epics.candidates import Candidate, read_candidates
from orchestration.epics.publisher import EpicsReport, publish_epics
from orchestration.http import Patience
from orchestration.ledger import Ledger
from orchestration.publish.analyst_copy import CURRENT, DATABASE
from orchestration.settings import Settings
from orchestration.vendors.trackers import build_tracker, is_dry_run, read_tracker_config

CANDIDATES = "rpt_promotion_candidates"


def run_epics(
    settings: Settings,
    run_id: str,
    *,
    dry_run: bool | None = None,
    patience: Patience | None = None,
) -> EpicsReport:
    """Make the tracker true to the published candidates, or say how.

    dry_run: as the settings say where None.

    Raises:
        duckdb.Error: where nothing was published yet.
        ConfigError: tracker.yaml is wrong.
        ForbiddenError: the tracker's secret is missing from the environment.
    """
    config = read_tracker_config(settings)
    return publish_epics(
        read_mart(settings.published / CURRENT / DATABASE, CANDIDATES),
        Ledger(settings.ledger_url),
        build_tracker(config, settings, patience=patience),
        dry_run=is_dry_run(settings, config) if dry_run is None else dry_run,
        now=settings.now(),
        run_id=run_id,
    )


def published_candidates(settings: Settings) -> list[Candidate]:
    """The candidates of the analysts' copy; none where nothing was published yet."""
    database = settings.published / CURRENT / DATABASE
    return read_candidates(read_mart(database, CANDIDATES)) if database.exists() else []


def read_mart(database: Path, mart: str) -> list[dict[str, Any]]:
    """All rows of a mart in the analysts' copy, as mappings."""
    with duckdb.connect(str(database), read_only=True) as con:
        result = con.execute(f'select * from "{mart}"')
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
