"""Landing folder to raw tables: one load fills all of them, or those that are selected."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb

from orchestration import steps
from orchestration.components.checks import check_result
from orchestration.components.resources import Workspace
from orchestration.components.source_sync import sync_key, syncs_of
from orchestration.defs.dbt.project import dbt_project, static_manifest
from orchestration.loader import Contract, LoadReport, contracts_from_manifest
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES

LOADS = dg.AssetKey(steps.LOADS.split("/"))
QUARANTINE = dg.AssetKey(steps.QUARANTINE.split("/"))
SAMPLE_ROWS = 3


@dg.definitions
def landing() -> dg.Definitions:
    """The load, its raw tables and its checks."""
    contracts = contracts_from_manifest(static_manifest(dbt_project()))
    return dg.Definitions(assets=[load_asset(contracts)])


def load_asset(contracts: Sequence[Contract]) -> dg.AssetsDefinition:
    """One asset a raw table, all filled by one op: the warehouse has one writer."""
    everything = [sync_key(name) for name in SOURCE_NAMES]
    specs = {asset_key(contract): _raw_spec(contract) for contract in contracts}
    loads = "One row per file and load, with counts; what is in it is not loaded again."
    quarantined = "Records that could not be read, with reason, place and original text."
    specs[LOADS] = _spec(LOADS, loads, everything)
    specs[QUARANTINE] = _spec(QUARANTINE, quarantined, everything)

    @dg.multi_asset(
        name="load_landing",
        specs=list(specs.values()),
        check_specs=[
            dg.AssetCheckSpec(
                name,
                asset=dg.AssetKey(asset.split("/")),
                description=description,
                blocking=name == steps.BLOCKING,
            )
            for name, (asset, description) in steps.LOAD_CHECKS.items()
        ],
        can_subset=True,
        pool="warehouse",
    )
    def load(context: dg.AssetExecutionContext, workspace: Workspace) -> Iterator[Any]:
        settings = workspace.settings()
        selected = context.selected_asset_keys
        chosen = [c for c in contracts if asset_key(c) in selected]
        # A full run takes the contracts as they are now, which the graph may not know yet.
        streams = None if len(chosen) == len(contracts) else {c.name for c in chosen}
        report, checks = steps.load(settings, streams, context.log.info)
        for contract in chosen:
            metadata = raw_metadata(settings, contract, report)
            yield dg.MaterializeResult(asset_key=asset_key(contract), metadata=metadata)
        if LOADS in selected:
            names = ("files_loaded", "files_unchanged", "files_removed", "rows_loaded")
            metadata = {name: getattr(report, name) for name in names}
            yield dg.MaterializeResult(asset_key=LOADS, metadata=metadata)
        if QUARANTINE in selected:
            metadata = {"rows_quarantined": report.rows_quarantined}
            yield dg.MaterializeResult(asset_key=QUARANTINE, metadata=metadata)
        evaluated = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        for result in map(check_result, checks):
            if (result.asset_key, result.check_name) in evaluated:
                yield result

    return load


def asset_key(contract: Contract) -> dg.AssetKey:
    """The key by which dbt's models know the raw table."""
    return dg.AssetKey([contract.source, contract.stream])


def raw_metadata(settings: Settings, contract: Contract, report: LoadReport) -> dict[str, Any]:
    """How many rows and files the raw table holds, how many are new, and its newest rows."""
    metadata: dict[str, Any] = {"rows_loaded": report.rows_by_stream.get(contract.name, 0)}
    table = f'raw."{contract.table}"'
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            counts = con.execute(f"select count(*), count(distinct _source_file) from {table}")
            rows, files = counts.fetchall()[0]
            newest = con.execute(
                f"select * exclude (_payload) from {table} order by _loaded_at desc limit ?",
                [SAMPLE_ROWS],
            )
            names = [column[0] for column in newest.description or []]
            sample = [dict(zip(names, map(str, row), strict=True)) for row in newest.fetchall()]
    except duckdb.Error:
        return {**metadata, "dagster/row_count": 0, "files": 0}
    metadata |= {"dagster/row_count": rows, "files": files}
    return {**metadata, "sample": dg.MetadataValue.json(sample)} if sample else metadata


def _raw_spec(contract: Contract) -> dg.AssetSpec:
    files = ", ".join(f"`{pattern}`" for pattern in contract.files)
    description = (
        f"Raw table `{contract.table}`, from files {files}; the contract is {contract.defined_in}."
    )
    return _spec(asset_key(contract), description, syncs_of(contract.source))


def _spec(key: dg.AssetKey, description: str, deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name="ingest",
        kinds={"dlt", "duckdb"},
        owners=["team:data-platform"],
        automation_condition=dg.AutomationCondition.eager(),
    )
