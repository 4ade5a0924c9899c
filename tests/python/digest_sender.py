"""A process of its own that sends a digest, to be killed while it does."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from orchestration.alerts import weekly
from orchestration.alerts.channels import Channels
from orchestration.report.digest import Digest
from orchestration.settings import Settings


def send(home: Path, address: str, digest: Digest, pipe: Connection, again: bool) -> None:
    """Say that it begins, send, and say what became of it by Slack."""
    settings = Settings.from_environment({"PAYDOWN_HOME": str(home)})
    channels = Channels(slack_webhook=address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weekly, "write_digest", lambda _: (digest, home / "digest.md"))
        pipe.send("begins")
        pipe.send(weekly.send_digest(settings, channels, "run", again=again)[1]["Slack"])
