"""Azure DevOps Services and Server: epics as work items, by the REST interface 7.1.

Epics are written (`tracker.py`) and read back (`source.py`) through one client.
"""

from orchestration.vendors.azure_devops.settings import (
    AzureDevOpsSourceConfig,
    AzureDevOpsTrackerConfig,
)

__all__ = ["AzureDevOpsSourceConfig", "AzureDevOpsTrackerConfig"]
