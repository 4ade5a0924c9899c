"""Azure DevOps Services and Server: epics as work items, by the REST interface 7.1."""

from orchestration.trackers.azure_devops.config import AzureDevOpsConfig
from orchestration.trackers.azure_devops.tracker import AzureDevOpsTracker

__all__ = ["AzureDevOpsConfig", "AzureDevOpsTracker"]
