"""Azure DevOps Services and Server: epics as work items, with REST API 7.1."""

from orchestration.vendors.azure_devops.settings import (
    AzureDevOpsSourceConfig,
    AzureDevOpsTrackerConfig,
)

__all__ = ["AzureDevOpsSourceConfig", "AzureDevOpsTrackerConfig"]
