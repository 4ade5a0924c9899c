"""`paydown doctor`: what is set, what came in, what needs a person. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from orchestration.cli.quarantine import kind_text, opened, shown
from orchestration.cli.streams import Finding, check_streams, show_streams
from orchestration.cli.tables import published_rows, shown_path
from orchestration.configuration import check_configuration
from orchestration.documents import ConfigError
from orchestration.freshness import Freshness, freshness
from orchestration.http import Patience, SourceError
from orchestration.ledger import EpicState, Ledger
from orchestration.loader.quarantine import QuarantineError
from orchestration.rubric import Scoring
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.trackers.protocol import TrackerError
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.sync import concurrently, configured_sources, place
from orchestration.vendors.trackers import build_tracker, is_dry_run, read_tracker_config

# A person waits: one more try, and no long waits for a limit to pass.
PATIENCE = Patience(attempts=2, reply_seconds=20, max_wait_seconds=5)
SHOWN_PROBLEMS = 20
STYLES = {"ok": "green", "note": "yellow", "bad": "bold red"}
# Columns of a finding: its state, what it is about. What is longer has a line of its own.
STATE, SUBJECT = 5, 28


def show_doctor(console: Console, settings: Settings) -> bool:
    """Print all findings; False where one is bad."""
    checks: list[Callable[[Settings], Iterator[Finding]]] = [
        check_settings, check_files, check_sources, check_landing, check_warehouse,
        check_streams, check_quarantine, check_services, check_ledger, check_tracker,
    ]  # fmt: skip
    with console.status("asking the sources" if settings.sources else "looking"):
        findings = [finding for check in checks for finding in check(settings)]
    for finding in findings:
        _show(console, finding)
    show_streams(console, settings)
    bad = sum(finding.state == "bad" for finding in findings)
    text = f"{bad} to mend" if bad else "nothing to mend"
    console.print(Text(text, "bold red" if bad else "green"))
    return not bad


def check_settings(settings: Settings) -> Iterator[Finding]:
    """What is in force."""
    mode = "demo (PAYDOWN_LANDING is not set)" if settings.is_demo else "live"
    moment = settings.as_of.strftime("%Y-%m-%d %H:%M UTC") if settings.as_of else "now"
    yield Finding("ok", "mode", f"{mode}, as of {moment}, target {settings.target}")
    yield Finding("ok", "home", shown_path(settings.home))


def check_files(settings: Settings) -> Iterator[Finding]:
    """The files that people edit: what is wrong in which, and the rubric in force."""
    files = list(check_configuration(settings.modernization))
    invalid = [file for file in files if file.problem]
    for file in invalid:
        yield Finding("bad", shown_path(file.path), file.problem)
    rubrics = [f.model.rubric_hash for f in files if isinstance(f.model, Scoring)]
    rubric = f", rubric {rubrics[0]}" if rubrics else ""
    count = len(files) - len(invalid)
    yield Finding("ok", shown_path(settings.modernization), f"{count} valid files{rubric}")


def check_sources(settings: Settings) -> Iterator[Finding]:
    """Ask each source that is switched on, concurrently, and say how fresh it is."""
    enabled = list(configured_sources(settings).enabled(settings.sources))
    context = Context(patience=PATIENCE, base_folder=PROJECT_ROOT)
    fresh, now = freshness(settings), settings.now()
    asked = concurrently(enabled, lambda named: _ask(context, *named))
    for (name, _), reached in zip(enabled, asked, strict=True):
        yield reached
        yield _freshness(fresh[name], now)
    if off := [name for name in SOURCE_NAMES if name not in settings.sources]:
        yield Finding("ok", "sources", f"not switched on (PAYDOWN_SOURCES): {', '.join(off)}")


def _ask(context: Context, name: str, config: SourceConfig) -> Finding:
    try:
        return Finding("ok", name, config.extractor(context).check())
    except SourceError as error:
        return Finding("bad", name, str(error))
    except Exception as error:
        # Its text might hold anything.
        return Finding("bad", name, f"{type(error).__name__} at {place(error)}; report it")


def _freshness(source: Freshness, now: datetime) -> Finding:
    name, stopped = source.source, source.problem
    due = f"one is due every {source.due_every_hours:g} h, owner {source.owner}"
    if not source.complete_at:
        if stopped:
            return Finding("bad", name, f"no sync was complete yet: {stopped}; {due}")
        return Finding("note", name, f"no sync was complete yet; `paydown sync {name}`; {due}")
    hours = (now - source.complete_at).total_seconds() / 3600
    text = f"complete up to {source.complete_at:%Y-%m-%d %H:%M} UTC, {_ago(hours)}; {due}"
    if source.is_stale(now):
        return Finding("bad", name, f"stale, {text}{f': {stopped}' if stopped else ''}")
    if stopped:
        return Finding("note", name, f"{text}; the last sync stopped: {stopped}")
    return Finding("ok", name, text)


def _ago(hours: float) -> str:
    if hours < 2:
        return f"{max(hours, 0) * 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def check_landing(settings: Settings) -> Iterator[Finding]:
    """What lies in the landing folder."""
    files = [p for p in settings.landing.rglob("*") if p.is_file()]
    if files:
        count = Counter(p.relative_to(settings.landing).parts[0] for p in files)
        text = ", ".join(f"{name} {count[name]:,}" for name in sorted(count))
        size = sum(p.stat().st_size for p in files) / 1e6
        yield Finding("ok", "landing", f"{len(files):,} files, {size:,.1f} MB: {text}")
    elif settings.sources or any(settings.landing.iterdir()):
        yield Finding("note", "landing", "nothing has landed yet; run `paydown sync`")
    else:
        text = f"{shown_path(settings.landing)} is empty; drop exports there"
        yield Finding("bad", "landing", text)


def check_warehouse(settings: Settings) -> Iterator[Finding]:
    """What the loads of each source brought, and which files could not be read."""
    if not settings.warehouse.exists():
        yield Finding("note", "warehouse", "nothing loaded yet; run `paydown run`")
        return
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            loads, rejected = con.execute(LOADS).fetchall(), con.execute(REJECTED).fetchall()
    except duckdb.IOException:
        yield Finding("note", "warehouse", "a run is writing it; ask again when it is done")
        return
    except duckdb.CatalogException:
        yield Finding("note", "warehouse", "no load has finished yet; run `paydown run`")
        return
    for source, records, loaded, quarantined, newest in loads:
        state = "ok" if records == loaded + quarantined else "bad"
        counts = f"{records:,} records = {loaded:,} loaded + {quarantined:,} quarantined"
        yield Finding(state, f"raw.{source}", f"{counts}, newest load {newest} UTC")
    for file, problem in rejected:
        yield Finding("bad", file, problem)


LOADS = """
    select
        source, sum(records), sum(rows_loaded), sum(rows_quarantined),
        strftime(max(_loaded_at), '%Y-%m-%d %H:%M')
    from raw.loads
    group by source
    order by source
"""
# Files whose newest load was rejected.
REJECTED = """
    select file, any_value(problem)
    from (
        select *, row_number() over (
            partition by source, stream, file order by _loaded_at desc
        ) as recency
        from raw.loads
    )
    where recency = 1 and status = 'rejected'
    group by file
    order by file
"""


def check_quarantine(settings: Settings) -> Iterator[Finding]:
    """The records that are still quarantined, by what is wrong with them."""
    try:
        with opened(settings) as quarantine:
            kinds = quarantine.kinds()
    except QuarantineError:
        return  # There is no warehouse to read, which `check_warehouse` says.
    for kind in kinds[:SHOWN_PROBLEMS]:
        yield Finding("note", f"{kind['source']}.{kind['stream']}", shown(kind_text(kind)))
    if len(kinds) > SHOWN_PROBLEMS:
        more = len(kinds) - SHOWN_PROBLEMS
        yield Finding("note", "quarantine", f"and {more:,} more: `paydown quarantine list`")


def check_services(settings: Settings) -> Iterator[Finding]:
    """Services that incidents name and the catalog lacks."""
    sql = "select * from rpt_unmatched_services order by incident_count desc limit $shown"
    for row in published_rows(settings, sql, {"shown": SHOWN_PROBLEMS}):
        subject = f"{row['source_name']} service {row['stated_name'] or '(none given)'}"
        count = f"{row['incident_count']} incidents"
        yield Finding("note", subject, f"{count}; not in the catalog, add it or an alias to it")


def check_ledger(settings: Settings) -> Iterator[Finding]:
    """Whether the ledger can be read, and what is in it."""
    try:
        epics = [r for r in Ledger(settings.ledger_url).records() if not r.parent_key]
    except SQLAlchemyError as error:
        # The address may hold a password; the driver's message does not repeat it.
        text = f"not reachable: {type(error).__name__}; check PAYDOWN_LEDGER"
        yield Finding("bad", "ledger", text)
        return
    counts = {state: sum(epic.state == state for epic in epics) for state in EpicState}
    text = ", ".join(f"{count} {state.value}" for state, count in counts.items() if count)
    yield Finding("ok", "ledger", text or "no epics yet")


def check_tracker(settings: Settings) -> Iterator[Finding]:
    """What the tracker says of itself: reachable, allowed, complete; nothing is written."""
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
    if config.kind != "local" and is_dry_run(settings, config):
        text = "on (`paydown epics` shows what would be sent); PAYDOWN_DRY_RUN=0 lets runs write"
        yield Finding("note", "dry run", text)
    elif config.kind != "local":
        yield Finding("ok", "dry run", "off: runs write to the tracker")


def _show(console: Console, finding: Finding) -> None:
    state = Text(finding.state, STYLES[finding.state])
    if len(finding.subject) >= SUBJECT:
        console.print(Text.assemble(state, " " * (STATE - len(state)), finding.subject))
        console.print(Padding(Text(finding.text), (0, 0, 0, STATE)))
        return
    grid = Table.grid(padding=0)
    grid.add_column(width=STATE)
    grid.add_column(width=SUBJECT)
    grid.add_column(overflow="fold")
    grid.add_row(state, Text(finding.subject), Text(finding.text))
    console.print(grid)
