"""What Dagster loads: it only merges. `[tool.dagster]` in pyproject.toml points here."""

import dagster as dg

from orchestration.alerts.channels import channels_resource
from orchestration.alerts.failures import owners
from orchestration.alerts.sensors import alert_sensors
from orchestration.assets.extract import extract_assets
from orchestration.assets.history import history_assets
from orchestration.assets.ingest import ingest_assets
from orchestration.assets.publish import publish_assets
from orchestration.assets.transform import transform_assets
from orchestration.automation import flow_job, hourly, landing_sensor
from orchestration.dbt_project import dbt_project, dbt_resource, manifest
from orchestration.loader import contracts_from_manifest
from orchestration.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """All assets, checks, jobs, schedules and sensors over one set of settings."""
    settings.export()
    project = dbt_project(settings)
    contracts = contracts_from_manifest(manifest(settings))
    assets = [
        *extract_assets(settings),
        ingest_assets(contracts, settings),
        transform_assets(settings),
        history_assets(settings),
        *publish_assets(settings),
    ]
    return dg.Definitions(
        assets=assets,
        jobs=[flow_job],
        schedules=[hourly],
        sensors=[landing_sensor(settings), *alert_sensors(settings, owners(assets))],
        resources={"dbt": dbt_resource(project), "alerts": channels_resource()},
        executor=dg.in_process_executor,
    )


defs = build_definitions(Settings.from_environment())
