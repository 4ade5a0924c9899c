"""Sends the digest to its channels: once per week and channel, despite crashes and reruns.

A webhook can't be asked whether it accepted a message. So the ledger commits the intent before
sending and the outcome afterwards: a message of unknown outcome is reported, not sent again, and
its text is in the Markdown file all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orchestration.alerts.channels import Channels
from orchestration.alerts.message import Alert
from orchestration.ledger import Ledger
from orchestration.publish.analyst_copy import published
from orchestration.replacing import replace_file
from orchestration.report.digest import Digest, weekly_digest
from orchestration.settings import Settings

TRACKER = "digest"


def write_digest(settings: Settings) -> tuple[Digest, Path]:
    """The digest, and its Markdown file in `PAYDOWN_HOME/digests`.

    NotPublishedError where nothing is published, or of another warehouse.
    """
    with published(settings) as con:
        digest = weekly_digest(con)
    return digest, replace_file(settings.home / "digests" / f"{digest.week}.md", digest.markdown)


def send_digest(
    settings: Settings, channels: Channels, run_id: str, *, again: bool = False
) -> tuple[Path, dict[str, str]]:
    """Write the digest and send it to each channel that has not received it this week.

    again: also if an earlier attempt has no outcome. Returns the file, and the outcome by channel.
    """
    digest, path = write_digest(settings)
    ledger = Ledger(settings.ledger_url)
    outcomes: dict[str, str] = {}
    for channel in channels.senders:
        key = f"{digest.week}/{channel}"
        before = ledger.begin_once(TRACKER, key, run_id, datetime.now(UTC), again=again)
        if before == "sent":
            outcomes[channel] = "was sent before"
        elif before == "intended" and not again:
            outcomes[channel] = (
                "may have been sent: an earlier run ended before its answer; look in the channel, "
                "and `paydown digest --again` sends it once more"
            )
        else:
            problem = channels.deliver(channel, Alert(digest.title, digest.items))
            kind = "failed" if problem else "sent"
            ledger.note(TRACKER, key, run_id, datetime.now(UTC), kind, problem)
            outcomes[channel] = problem or "sent"
    return path, outcomes
