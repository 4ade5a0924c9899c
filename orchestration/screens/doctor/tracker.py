"""The tracker as the doctor sees it: reachable, allowed, complete, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.documents import ConfigError
from orchestration.screens.doctor.finding import Finding
from orchestration.screens.doctor.sources import PATIENCE
from orchestration.screens.quarantine import shown
from orchestration.settings import Settings
from orchestration.trackers.protocol import TrackerError
from orchestration.vendors.trackers import build_tracker, is_dry_run, read_tracker_config


def check_tracker(settings: Settings) -> Iterator[Finding]:
    """What the tracker says of itself; nothing is written."""
    try:
        config = read_tracker_config(settings)
    except (ConfigError, OSError):
        return  # The file's own finding says what is wrong.
    try:
        tracker = build_tracker(config, settings, patience=PATIENCE)
    except TrackerError as error:
        yield Finding("bad", f"tracker {config.kind}", shown(str(error)))
        return
    for check in tracker.check():
        state = "ok" if check.is_ok else "bad"
        yield Finding(state, f"{config.kind} {check.name}", shown(check.message))
    if config.kind != "local":
        text = (
            "runs only say what they would do (paydown epics shows it); PAYDOWN_DRY_RUN=0 lets "
            "them write"
            if is_dry_run(settings, config)
            else "runs write to it"
        )
        yield Finding("note" if is_dry_run(settings, config) else "ok", "dry run", text)
