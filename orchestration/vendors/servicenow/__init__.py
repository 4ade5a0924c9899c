"""ServiceNow's Table API: incidents, deletions, the catalog's services and relations, risks."""

from orchestration.vendors.servicenow.extractor import ServiceNow, ServiceNowConfig

__all__ = ["ServiceNow", "ServiceNowConfig"]
