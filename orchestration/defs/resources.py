"""The resources of every asset and sensor."""

import dagster as dg

from orchestration.components.resources import workspace_resources


@dg.definitions
def resources() -> dg.Definitions:
    """Where a run reads and writes, by the environment."""
    return dg.Definitions(resources=workspace_resources())
