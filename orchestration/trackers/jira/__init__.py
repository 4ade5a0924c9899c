"""Jira Cloud (REST 3, Atlassian Document Format) and Data Center (REST 2, wiki text)."""
