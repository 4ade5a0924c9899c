"""Live systems: what to ask each vendor for, and how to ask for all of it.

    base.py      what the settings of every source have in common
    sources.py   `modernization/sources.yaml`: which systems, who owns them, how fresh they must be
    sync.py      one sync of every source that is switched on, with its entry in the journal
    <vendor>     address, cursors, windows and streams of one vendor

Nothing is computed here: records land as the vendor returns them, and the one loader takes over.
"""

# Only the names, so that settings can be checked without importing any vendor.
SOURCE_NAMES = (
    "azure_devops",
    "backstage",
    "datadog",
    "decisions",
    "git",
    "jira",
    "opsgenie",
    "pagerduty",
    "prometheus",
    "servicenow",
)
