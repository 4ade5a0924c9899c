"""Jira Cloud (REST 3, Atlassian Document Format) and Data Center (REST 2, wiki text)."""

from orchestration.trackers.jira.config import JiraConfig
from orchestration.trackers.jira.tracker import JiraTracker

__all__ = ["JiraConfig", "JiraTracker"]
