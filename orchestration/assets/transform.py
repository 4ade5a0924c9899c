"""Transform: every dbt model is an asset, every dbt test a check."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)

from orchestration.dbt_project import dbt_arguments, dbt_project
from orchestration.settings import Settings


class LayerTranslator(DagsterDbtTranslator):
    """Assets are named as in dbt, without the schema, and grouped by layer."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "seed":
            return "reference"
        return dbt_resource_props["fqn"][1]


def transform_assets(settings: Settings) -> dg.AssetsDefinition:
    """All models, seeds and tests, run by one `dbt build`."""
    project = dbt_project(settings)

    @dbt_assets(
        manifest=project.manifest_path,
        project=project,
        name="dbt_build",
        dagster_dbt_translator=LayerTranslator(
            DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True)
        ),
        pool="warehouse",
    )
    def build(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        settings.export()
        arguments = dbt_arguments(settings)
        yield from dbt.cli(
            arguments, context=context, target_path=settings.dbt_target_path
        ).stream()

    return build
