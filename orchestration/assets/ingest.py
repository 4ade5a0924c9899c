"""Ingest: one load fills the raw tables of every contract."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from orchestration.assets.extract import EXTRACT
from orchestration.configuration import check_configuration
from orchestration.documents import READERS, ConfigError
from orchestration.epics.published import refresh_ledger
from orchestration.loader import Contract, LoadReport, load_landing
from orchestration.loader.history import Unaccounted, unaccounted
from orchestration.settings import Settings
from orchestration.warehouse import loading_pipeline

LOADS = dg.AssetKey(["paydown", "loads"])
QUARANTINE = dg.AssetKey(["paydown", "quarantine"])
SHOWN_PROBLEMS = 20


def ingest_assets(contracts: Sequence[Contract], settings: Settings) -> dg.AssetsDefinition:
    """One asset a raw table, all filled by one load: dlt has one state, the file one writer."""
    specs = [_raw_spec(contract) for contract in contracts]
    specs += [
        _spec(LOADS, "One row per file and load, with counts; what is in it is not loaded again."),
        _spec(QUARANTINE, "Records that were set aside, with reason, place and original text."),
    ]

    @dg.multi_asset(
        name="load_landing",
        specs=specs,
        check_specs=[
            dg.AssetCheckSpec(
                "files_are_readable", asset=LOADS, description="Every landed file can be read."
            ),
            dg.AssetCheckSpec(
                "configuration_is_valid",
                asset=LOADS,
                description="Rubric, maturity and capacity can be read; else nothing is computed.",
                blocking=True,
            ),
            dg.AssetCheckSpec(
                "rows_are_accounted_for",
                asset=LOADS,
                description="Of every load: records found = raw rows + quarantined rows, counted.",
            ),
            dg.AssetCheckSpec(
                "nothing_quarantined",
                asset=QUARANTINE,
                description="No record of this load was set aside; a warning, the rest goes on.",
            ),
        ],
        pool="warehouse",
    )
    def load(context: dg.AssetExecutionContext) -> Iterator[Any]:
        settings.export()
        try:
            refreshed = refresh_ledger(settings, context.run_id)
            if refreshed.unreachable:
                context.log.warning("the tracker can't be asked: %s", refreshed.unreachable)
        except (SQLAlchemyError, ConfigError) as error:
            # The previous export stands; the asset `epics` fails for the same reason.
            context.log.warning("the ledger is not refreshed: %s", type(error).__name__)
        pipeline = loading_pipeline(settings)
        report = load_landing(
            contracts, settings.roots, pipeline, READERS, progress=context.log.info
        )
        yield from _results(contracts, report)
        yield from _checks(report, unaccounted(contracts, pipeline), settings)

    return load


def _results(contracts: Sequence[Contract], report: LoadReport) -> Iterator[Any]:
    for contract in contracts:
        yield dg.MaterializeResult(
            asset_key=[contract.source, contract.stream],
            metadata={"rows_loaded": report.rows_by_stream.get(contract.name, 0)},
        )
    yield dg.MaterializeResult(
        asset_key=LOADS,
        metadata={
            "files_loaded": report.files_loaded,
            "files_unchanged": report.files_unchanged,
            "files_removed": report.files_removed,
            "rows_loaded": report.rows_loaded,
        },
    )
    yield dg.MaterializeResult(
        asset_key=QUARANTINE, metadata={"rows_quarantined": report.rows_quarantined}
    )


def _checks(
    report: LoadReport, lost: Sequence[Unaccounted], settings: Settings
) -> Iterator[dg.AssetCheckResult]:
    problems = [f.problem for f in check_configuration(settings.modernization) if f.problem]
    yield dg.AssetCheckResult(
        check_name="configuration_is_valid",
        asset_key=LOADS,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"problems": _listed(problems)},
    )
    yield dg.AssetCheckResult(
        check_name="files_are_readable",
        asset_key=LOADS,
        passed=not report.rejected,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"files": _listed(report.rejected)},
    )
    yield dg.AssetCheckResult(
        check_name="rows_are_accounted_for",
        asset_key=LOADS,
        passed=not lost,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"loads": _listed(lost)},
    )
    yield dg.AssetCheckResult(
        check_name="nothing_quarantined",
        asset_key=QUARANTINE,
        passed=not report.rows_quarantined,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"records": _listed(report.quarantined)},
    )


def _listed(problems: Sequence[object]) -> dg.MetadataValue:
    return dg.MetadataValue.md("\n".join(f"- `{p}`" for p in problems[:SHOWN_PROBLEMS]) or "none")


def _raw_spec(contract: Contract) -> dg.AssetSpec:
    return _spec(
        dg.AssetKey([contract.source, contract.stream]),
        f"Raw table `{contract.table}`, from files {', '.join(f'`{f}`' for f in contract.files)}; "
        f"the contract is {contract.defined_in}.",
    )


def _spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    # The load takes whatever has landed, so it comes after the sync of every source.
    return dg.AssetSpec(
        key,
        deps=[EXTRACT],
        description=description,
        group_name="ingest",
        kinds={"dlt", "duckdb"},
        owners=["team:data-platform"],
    )
