"""Jira Cloud (REST 3, Atlassian Document Format) and Data Center (REST 2, wiki text)."""

from orchestration.vendors.jira.settings import JiraSourceConfig, JiraTrackerConfig

__all__ = ["JiraSourceConfig", "JiraTrackerConfig"]
