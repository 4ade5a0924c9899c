"""PagerDuty's REST API v2: incidents, log entries, what they refer to, and deletions."""
