"""What runs do with the published copy: before the load, and after the models were built."""

from __future__ import annotations

from typing import Any

from orchestration.epics.candidates import Candidate, read_candidates
from orchestration.epics.publisher import publish_epics
from orchestration.epics.reconcile import Refreshed, refresh
from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run
from orchestration.http import SourceError
from orchestration.ledger import Ledger, export_epics
from orchestration.publish.analyst_copy import published
from orchestration.settings import Settings
from orchestration.vendors.trackers import (
    build_tracker,
    is_dry_run,
    read_tracker_config,
)
from orchestration.warehouse import rows_of

_DECIDED = """
    select cases.*, decisions.*, candidates.*, evidence.items
    from rpt_promotion_candidates as candidates
    left join rpt_epic_decisions as decisions using (service_id)
    left join rpt_epic_case as cases using (service_id)
    left join (
        select service_id, list(rpt_epic_evidence order by evidence_kind, ordinal) as items
        from rpt_epic_evidence
        group by service_id
    ) as evidence using (service_id)
"""


def refresh_ledger(settings: Settings, run_id: str) -> Refreshed:
    """Record what people did in the tracker, and export the ledger for the load.

    A tracker that can't be asked changes nothing: `unreachable` says why. ConfigError if
    tracker.yaml is wrong; SQLAlchemyError if the ledger can't be read: the previous export is kept.
    """
    config = read_tracker_config(settings)
    ledger, name = Ledger(settings.ledger_url), config.tracker_name
    refreshed = Refreshed()
    if ledger.records(name):
        try:
            tracker = build_tracker(config, settings)
            refreshed = refresh(Run(ledger, tracker, run_id, settings.now()))
        except SourceError as error:
            refreshed.unreachable = str(error)
    problems, unreachable = refreshed.problems, refreshed.unreachable
    export_epics(ledger, settings.ledger_export, name, problems, unreachable)
    return refreshed


def run_epics(settings: Settings, run_id: str, *, dry_run: bool | None = None) -> EpicsReport:
    """Act on the published decisions, or show how; dry_run: None means as the settings say.

    NotPublishedError if nothing was published yet, ConfigError if tracker.yaml is wrong,
    AccessError if the tracker's secret is missing from the environment.
    """
    config = read_tracker_config(settings)
    ledger, tracker = Ledger(settings.ledger_url), build_tracker(config, settings)
    run = Run(ledger, tracker, run_id, settings.now())
    is_dry = is_dry_run(settings, config) if dry_run is None else dry_run
    return publish_epics(_rows(settings), run, dry_run=is_dry)


def published_candidates(settings: Settings) -> list[Candidate]:
    """The candidates of the analysts' copy; none if nothing was published yet."""
    return read_candidates(_rows(settings)) if settings.published_database.exists() else []


def _rows(settings: Settings) -> list[dict[str, Any]]:
    """Each candidate with what is decided about it."""
    with published(settings) as con:
        return rows_of(con, _DECIDED)
