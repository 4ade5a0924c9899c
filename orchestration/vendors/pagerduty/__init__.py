"""PagerDuty's REST API v2: incidents, log entries, what they refer to, and what was deleted."""

from orchestration.vendors.pagerduty.extractor import PagerDuty, PagerDutyConfig

__all__ = ["PagerDuty", "PagerDutyConfig"]
