"""PagerDuty's REST API v2: incidents, log entries, what they refer to, and what was deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestration.vendors.base import Context, EnvName, Hours, SourceConfig, Url
from orchestration.vendors.pagerduty.extractor import PagerDuty

Directory = Literal["services", "teams", "users"]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86_400)]


class PagerDutyConfig(SourceConfig):
    """How PagerDuty is read. Accounts in the EU: `url: https://api.eu.pagerduty.com`.

    Attributes:
        changes: `log_entries` finds changed incidents by the account's log entries, at once;
            `analytics` by the analytics API, up to a day later, where log entries are too many.
        settle_seconds: what is younger is left for the next sync.
        overlap_seconds: log entries may come so late and are still found.
        sweep_recent_hours: how often incidents of the last six months are looked for deletions.
        sweep_all_hours: how often all are.
        directory: what incidents refer to and is read besides; priorities always are.
        directory_hours: how often that is read.
    """

    url: Url = "https://api.pagerduty.com"
    token_env: EnvName = "PAGERDUTY_TOKEN"  # noqa: S105
    changes: Literal["log_entries", "analytics"] = "log_entries"
    settle_seconds: Seconds = 60
    overlap_seconds: Seconds = 900
    sweep_recent_hours: Hours = 24
    sweep_all_hours: Hours = 168
    directory: tuple[Directory, ...] = ("services", "teams", "users")
    directory_hours: Hours = 24

    def extractor(self, context: Context) -> PagerDuty:
        return PagerDuty(self, context)


__all__ = ["PagerDuty", "PagerDutyConfig"]
