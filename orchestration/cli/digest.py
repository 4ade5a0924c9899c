"""`paydown digest`: the digest as Markdown, and to the channels that are configured."""

from __future__ import annotations

import os

from orchestration.cli.tables import say, shown_path
from orchestration.settings import Settings


def show_digest(settings: Settings, *, again: bool) -> bool:
    """Print where the digest is and its outcome in each channel.

    Raises:
        SettingsError: nothing was published yet.
    """
    from orchestration.alerts.channels import VARIABLES, Channels
    from orchestration.alerts.weekly import send_digest

    stated = {field: os.environ.get(name, "") for field, name in VARIABLES.items()}
    path, outcomes = send_digest(settings, Channels(**stated), "digest", again=again)
    say(f"digest  {shown_path(path)}", "bold")
    for channel, outcome in outcomes.items():
        say(f"{channel}: {outcome}")
    if not outcomes:
        say("no channel is configured; set PAYDOWN_SLACK_WEBHOOK or PAYDOWN_TEAMS_WEBHOOK", "dim")
    return all(outcome in ("sent", "was sent before") for outcome in outcomes.values())
