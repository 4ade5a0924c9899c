"""Landing folder to raw tables: one load fills all of them, or those that are selected."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb

from orchestration import steps
from orchestration.components.resources import Workspace, check_result
from orchestration.components.source_sync import sync_key, syncs_of
from orchestration.defs.dbt.definitions import static_manifest
from orchestration.loader import Contract, LoadReport, contracts_from_manifest
from orchestration.loader.raw import raw_columns
from orchestration.settings import Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.warehouse import WarehouseError, warehouse_of

LOADS = dg.AssetKey(steps.LOADS.split("/"))
QUARANTINE = dg.AssetKey(steps.QUARANTINE.split("/"))
SAMPLE_ROWS = 3


@dg.definitions
def landing() -> dg.Definitions:
    """The load, its raw tables and its checks. One op fills all: the warehouse has one writer."""
    contracts = contracts_from_manifest(static_manifest())
    syncs = [sync_key(name) for name in SOURCE_NAMES]
    loads = "One row per file and load, with counts; what is in it is not loaded again."
    quarantined = "Records that could not be read, with reason, place and original text."
    specs = [_spec(LOADS, loads, syncs), _spec(QUARANTINE, quarantined, syncs)]
    for contract in contracts:
        files = ", ".join(f"`{pattern}`" for pattern in contract.files)
        origin = f"from {files or contract.relation}; the contract is {contract.defined_in}."
        description = f"Raw table `{contract.table}`, {origin}"
        specs.append(_spec(asset_key(contract), description, syncs_of(contract.source)))

    @dg.multi_asset(
        name="load_landing",
        specs=specs,
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
        # A full run uses the current contracts, which the graph may not know yet.
        streams = None if len(chosen) == len(contracts) else {c.name for c in chosen}
        report, checks = steps.load(settings, streams, context.log.info)
        loaded = {asset_key(c): raw_metadata(settings, c, report) for c in chosen}
        names = ("files_loaded", "files_unchanged", "files_removed", "rows_loaded")
        loaded[LOADS] = {name: getattr(report, name) for name in names}
        loaded[QUARANTINE] = {"rows_quarantined": report.rows_quarantined}
        for key, metadata in loaded.items():
            if key in selected:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        evaluated = {key.name for key in context.selected_asset_check_keys}
        yield from (check_result(check) for check in checks if check.name in evaluated)

    return dg.Definitions(assets=[load])


def asset_key(contract: Contract) -> dg.AssetKey:
    """The key by which dbt's models know the raw table."""
    return dg.AssetKey([contract.source, contract.stream])


def raw_metadata(settings: Settings, contract: Contract, report: LoadReport) -> dict[str, Any]:
    """How many rows and files the raw table has, how many are new, and its newest rows."""
    new = {"rows_loaded": report.rows_by_stream.get(contract.name, 0)}
    columns = ", ".join(name for name in raw_columns(contract) if name != "_payload")
    counted = "count(*) as row_count, count(distinct _source_file) as files"
    warehouse = warehouse_of(settings)
    try:
        (counts,) = warehouse.ask(f"select {counted} from raw.{contract.table}")
        rows = warehouse.ask(
            f"select {columns} from raw.{contract.table} order by _loaded_at desc "
            f"limit {SAMPLE_ROWS}"
        )
    except (duckdb.Error, WarehouseError):
        return {**new, "dagster/row_count": 0, "files": 0}
    sample = [{name: str(value) for name, value in row.items()} for row in rows]
    shown = {"sample": dg.MetadataValue.json(sample)} if sample else {}
    return {**new, "dagster/row_count": counts["row_count"], "files": counts["files"], **shown}


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
