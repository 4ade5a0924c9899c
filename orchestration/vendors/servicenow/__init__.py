"""ServiceNow by its Table API: incidents, deletions, services, dependencies and risks."""

from orchestration.vendors.servicenow.config import ServiceNowConfig

__all__ = ["ServiceNowConfig"]
