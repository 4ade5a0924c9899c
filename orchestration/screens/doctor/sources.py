"""Live sources as the doctor sees them: reachable, allowed, fresh. Nothing is landed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from orchestration.http import Patience, SourceError
from orchestration.landing import last_sync
from orchestration.screens.doctor.finding import Finding
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.base import Context, SourceConfig, moment
from orchestration.vendors.sync import at_once, configured_sources, place, state_folder

# A person waits: one more try, and no long waits for a limit to pass.
PATIENCE = Patience(attempts=2, reply_seconds=20, max_wait_seconds=5)


def check_sources(settings: Settings) -> Iterator[Finding]:
    """Ask each source that is switched on, all at once, and say how fresh it is."""
    enabled = list(configured_sources(settings).enabled(settings.sources))
    context = Context(patience=PATIENCE, base_folder=PROJECT_ROOT)
    asked = at_once(enabled, lambda named: _ask(context, *named))
    for (name, config), reach in zip(enabled, asked, strict=True):
        yield reach
        yield _freshness(settings, name, config, settings.now())
    off = [name for name in SOURCE_NAMES if name not in settings.sources]
    if off:
        yield Finding("ok", "sources", f"not switched on (PAYDOWN_SOURCES): {', '.join(off)}")


def _ask(context: Context, name: str, config: SourceConfig) -> Finding:
    try:
        return Finding("ok", name, config.extractor(context).check())
    except SourceError as error:
        return Finding("bad", name, str(error))
    except Exception as error:
        # Its text might hold anything.
        return Finding("bad", name, f"{type(error).__name__} at {place(error)}; report it")


def _freshness(settings: Settings, name: str, config: SourceConfig, now: datetime) -> Finding:
    last = last_sync(state_folder(settings), name)
    due = f"one is due every {config.fresh_within_hours:g} h, owner {config.owner}"
    stopped = last.get("message", "")
    if not last.get("complete_at"):
        if stopped:
            return Finding("bad", name, f"no sync was complete yet: {stopped}; {due}")
        return Finding("note", name, f"no sync was complete yet; `paydown sync {name}`; {due}")
    at = moment(last["complete_at"])
    hours = (now - at).total_seconds() / 3600
    text = f"complete up to {at:%Y-%m-%d %H:%M} UTC, {_ago(hours)}; {due}"
    if hours > config.fresh_within_hours:
        reason = f": {stopped}" if stopped else ""
        return Finding("bad", name, f"stale, {text}{reason}")
    if stopped:
        return Finding("note", name, f"{text}; the last sync stopped: {stopped}")
    return Finding("ok", name, text)


def _ago(hours: float) -> str:
    if hours < 2:
        return f"{max(hours, 0) * 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
