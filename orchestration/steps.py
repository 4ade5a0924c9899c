"""The steps of a run and their checks, for the command line and for Dagster alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from orchestration.configuration import READERS, check_configuration
from orchestration.dbt_project import (
    DbtError,
    DbtResult,
    Progress,
    build_arguments,
    manifest,
    run_dbt,
)
from orchestration.documents import ConfigError
from orchestration.epics.published import refresh_ledger, run_epics
from orchestration.epics.publisher import EpicsReport
from orchestration.http import SourceError
from orchestration.loader import (
    ContractError,
    LoadReport,
    contracts_from_manifest,
    load_landing,
)
from orchestration.loader.quarantine import QuarantineError
from orchestration.loader.unread import unread_files
from orchestration.publish.analyst_copy import PublishedCopy, public_marts, publish_copy, published
from orchestration.replacing import replace_file
from orchestration.settings import Settings, SettingsError
from orchestration.vendors.sync import SyncResult, configured_sources, sync_sources
from orchestration.warehouse import WarehouseBusyError, warehouse_of

LOADS = "paydown/loads"
QUARANTINE = "paydown/quarantine"
SHOWN_PROBLEMS = 20
# Errors whose message says what to do.
ADVISING = (
    ConfigError, ContractError, DbtError, QuarantineError, SettingsError, SourceError,
    WarehouseBusyError,
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """Something that was verified. `details` are lines for people, empty if it passed.

    asset: key of the asset with slashes; empty for a dbt test, whose name is enough.
    """

    asset: str
    name: str
    passed: bool
    details: str = ""
    is_warning: bool = False


# Checks of every load: name -> asset and description.
LOAD_CHECKS = {
    "files_are_readable": (LOADS, "Every file that landed can be read."),
    "configuration_is_valid": (
        LOADS,
        "Rubric and other files of modernization/ are valid; otherwise nothing is computed.",
    ),
    "every_file_is_read": (
        LOADS,
        "Every file that landed belongs to a stream; only a warning if other files had records.",
    ),
    "rows_are_accounted_for": (
        LOADS,
        "For every load, records found = raw rows + quarantined rows, by counting them again.",
    ),
    "nothing_quarantined": (QUARANTINE, "This load quarantined no record; only a warning."),
}
BLOCKING, UNREAD, WARNING = (
    "configuration_is_valid", "every_file_is_read", "nothing_quarantined",
)  # fmt: skip


def sync(
    settings: Settings,
    names: Sequence[str],
    progress: Progress = lambda _: None,
    *,
    since: date | None = None,
) -> tuple[list[SyncResult], list[Check]]:
    """Read the named sources into the landing folder, concurrently; none stops another.

    If sources.yaml is wrong, no source is read and every check fails.

    Args:
        since: read everything from this day on again; None reads what is new.
    """
    sources = dict(configured_sources(settings).enabled(tuple(names)))
    results: list[SyncResult] = []
    try:
        results = sync_sources(settings, names, since=since, progress=progress) if names else []
        problems = {result.source: result.message for result in results}
    except ConfigError as error:
        problems = dict.fromkeys(names, str(error))
    return results, [sync_check(name, sources[name].owner, what) for name, what in problems.items()]


def sync_check(source: str, owner: str, problem: str) -> Check:
    """Whether the sync of a source ran to its end."""
    details = f"{problem} (owner: {owner})" if problem else ""
    return Check(f"{source}/sync", "is_complete", not problem, details)


def load(
    settings: Settings,
    streams: Collection[str] | None = None,
    progress: Progress = lambda _: None,
) -> tuple[LoadReport, list[Check]]:
    """Append what is new in the landing folder to `raw`, of all streams or of those named.

    The ledger is first brought in line with the tracker and exported, so that its epics arrive like
    any other record.
    """
    settings.export()
    warehouse = warehouse_of(settings)
    try:
        refreshed = refresh_ledger(settings, "load")
        if refreshed.unreachable:
            progress(f"the tracker can't be asked: {refreshed.unreachable}")
    except (SQLAlchemyError, ConfigError) as error:
        # The previous export stays; the step that opens epics reports the same problem.
        progress(f"the ledger is not refreshed: {type(error).__name__}")
    contracts = contracts_from_manifest(manifest(settings))
    wanted = [c for c in contracts if streams is None or c.name in streams]
    report = load_landing(wanted, settings.roots, warehouse, READERS, progress=progress)
    unread = unread_files(contracts, settings.landing) if streams is None else []
    found: dict[str, Sequence[object]] = {
        "files_are_readable": report.rejected,
        "configuration_is_valid": [
            file.problem for file in check_configuration(settings.modernization) if file.problem
        ],
        UNREAD: unread,
        "rows_are_accounted_for": report.unaccounted,
        "nothing_quarantined": report.quarantined,
    }
    warnings = {WARNING, UNREAD} if report.has_records else {WARNING}
    return report, [
        Check(LOAD_CHECKS[name][0], name, not problems, listed(problems), name in warnings)
        for name, problems in found.items()
    ]


def build(settings: Settings, progress: Progress = lambda _: None) -> tuple[DbtResult, list[Check]]:
    """Build and test all models.

    Raises:
        DbtError: dbt could not start.
    """
    result = run_dbt(settings, [*build_arguments(settings), "--exclude", "tag:ci"], progress)
    return result, [
        Check("", node.unique_id.split(".")[2], node.status == "pass", node.message, is_warning)
        for node in result.nodes
        if node.is_test and node.status != "skipped"
        for is_warning in [node.status == "warn"]
    ]


def publish(settings: Settings) -> PublishedCopy:
    """Replace the analysts' copy if a mart changed."""
    marts = public_marts(manifest(settings))
    return publish_copy(warehouse_of(settings), settings.published, marts)


def write_page(settings: Settings) -> Path:
    """Write the page for the weekly review, beside the analysts' copy.

    Raises:
        NotPublishedError: nothing was published yet, or only from another warehouse.
    """
    from orchestration.report.page import PAGE, render_page

    with published(settings) as con:
        return replace_file(settings.published_database.with_name(PAGE), render_page(con))


def open_epics(settings: Settings, run_id: str) -> tuple[EpicsReport, Check]:
    """Make the tracker agree with the published candidates; a dry run if settings say so."""
    report = run_epics(settings, run_id)
    failed = [f"{e.service}: {e.reason}" for e in (*report.failed, *report.stories_failed)]
    return report, Check("epics", "tracker_took_everything", report.is_clean, "\n".join(failed))


def scored_days(settings: Settings) -> list[date]:
    """The days of the published scores."""
    with published(settings) as con:
        days = con.execute("select distinct scoring_date from fct_service_scores order by 1")
        return [day for (day,) in days.fetchall()]


def listed(problems: Sequence[Any]) -> str:
    """The first problems, one line each."""
    lines = [str(problem) for problem in problems[:SHOWN_PROBLEMS]]
    more = len(problems) - len(lines)
    return "\n".join(lines + ([f"and {more:,} more"] if more else []))
