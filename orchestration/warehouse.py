"""Connections to the warehouse: dlt's for the loader, DuckDB's for readers of the working file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.settings import Settings, SettingsError

if TYPE_CHECKING:
    import dlt

RAW_SCHEMA = "raw"


def loading_pipeline(settings: Settings) -> dlt.Pipeline:
    """dlt's pipeline into the target's `raw` schema; its working files live under the home.

    Raises:
        SettingsError: for a target that dbt can build on but the loader can't write to yet.
    """
    import dlt

    if settings.target != "duckdb":
        raise SettingsError(
            f"PAYDOWN_TARGET={settings.target}: the loader writes to duckdb; unset PAYDOWN_TARGET, "
            f"or load {RAW_SCHEMA} with your own pipeline and run `dbt build` on that target"
        )
    return dlt.pipeline(
        "paydown",
        destination=dlt.destinations.duckdb(str(settings.warehouse)),
        dataset_name=RAW_SCHEMA,
        pipelines_dir=str(settings.home / "dlt"),
    )
