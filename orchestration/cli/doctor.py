"""`paydown doctor`: what is set, what came in, what needs a person. Writes nothing."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from orchestration.cli.command import console
from orchestration.cli.quarantine import kind_text, shown
from orchestration.cli.streams import Finding, check_streams, show_streams
from orchestration.cli.tables import say, shown_path
from orchestration.configuration import check_configuration
from orchestration.documents import ConfigError
from orchestration.freshness import Freshness, freshness
from orchestration.http import Patience, SourceError
from orchestration.ledger import EpicState, Ledger
from orchestration.loader import contracts_from_manifest
from orchestration.loader.files import is_file
from orchestration.loader.quarantine import BOOKKEEPING, Quarantine, Row
from orchestration.loader.unread import unread_files
from orchestration.rubric import Scoring
from orchestration.settings import PROJECT_ROOT, Settings, SettingsError
from orchestration.vendors import SOURCE_NAMES
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.sync import concurrently, configured_sources, place
from orchestration.vendors.trackers import build_tracker, is_dry_run, read_tracker_config
from orchestration.warehouse import WarehouseBusyError, warehouse_of

# A person is waiting: one retry, and no long waits for a limit to pass.
PATIENCE = Patience(attempts=2, reply_seconds=20, max_wait_seconds=5)
SHOWN_PROBLEMS = 20
STYLES = {"ok": "green", "note": "yellow", "bad": "bold red"}
# Columns of a finding: its state, what it is about.
STATE, SUBJECT = 4, 28


def show_doctor(settings: Settings) -> bool:
    """Print all findings; False where one is bad."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        check_settings, check_files, check_sources, check_last_run, check_landing, check_warehouse,
        check_streams, check_ledger, check_tracker,
    )  # fmt: skip
    with console.status("asking the sources" if settings.sources else "looking"):
        findings = [finding for check in checks for finding in check(settings)]
    grid = Table.grid(padding=(0, 1))
    for width in (STATE, SUBJECT, None):
        grid.add_column(width=width, overflow="fold")
    for state, subject, text in findings:
        grid.add_row(Text(state, STYLES[state]), *(Text(shown(t, "\n")) for t in (subject, text)))
    console.print(grid)
    show_streams(settings)
    bad = sum(finding.state == "bad" for finding in findings)
    remarks = [finding for finding in findings if finding.subject in ("quarantine", "in use")]
    text = f"nothing is broken; {remarks[0].text}" if remarks else "nothing to correct"
    say(f"{bad} to correct" if bad else text, "bold red" if bad else "green")
    return not bad


def check_settings(settings: Settings) -> Iterator[Finding]:
    """The settings in force."""
    mode = "demo (PAYDOWN_LANDING is not set)" if settings.is_demo else "live"
    moment = settings.as_of.strftime("%Y-%m-%d %H:%M UTC") if settings.as_of else "now"
    yield Finding("ok", "mode", f"{mode}, as of {moment}, target {settings.target}")
    yield Finding("ok", "home", shown_path(settings.home))


def check_files(settings: Settings) -> Iterator[Finding]:
    """The files that people edit: what is wrong in which, and the rubric in force."""
    files = list(check_configuration(settings.modernization))
    invalid = [file for file in files if file.problem]
    for file in invalid:
        yield Finding("bad", "modernization", file.problem)
    rubric = "".join(
        f", rubric {f.model.rubric_hash}" for f in files if isinstance(f.model, Scoring)
    )
    text = f"{len(files) - len(invalid)} valid files{rubric}"
    yield Finding("ok", shown_path(settings.modernization), text)


def check_sources(settings: Settings) -> Iterator[Finding]:
    """Ask each source that is switched on, concurrently, and report how fresh it is."""
    enabled = list(configured_sources(settings).enabled(settings.sources))
    context = Context(patience=PATIENCE, base_folder=PROJECT_ROOT)
    fresh = freshness(settings)
    answers = concurrently(enabled, lambda named: _ask(context, *named))
    for (name, _), answer in zip(enabled, answers, strict=True):
        yield answer
        yield _how_fresh(settings, fresh[name], answers=answer.state == "ok")
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


def _how_fresh(settings: Settings, source: Freshness, *, answers: bool) -> Finding:
    """What stopped a past sync is only a note if the source answers now."""
    name, now = source.source, settings.now()
    text = source.described(now).replace("\n", "; ")
    if source.problem and answers:
        text += f". It answers now: `paydown sync {name}`"
    if source.is_stale(now):
        return Finding("bad", name, f"stale, {text}")
    if source.complete_at and not source.problem:
        return Finding("ok", name, text)
    hint = "" if source.problem else f"; `paydown sync {name}`"
    return Finding("note" if answers or source.complete_at else "bad", name, text + hint)


def check_last_run(settings: Settings) -> Iterator[Finding]:
    """What stopped the last run early; failed syncs and files are checked again here."""
    for path in sorted(settings.runs.glob("*T*-*.json"))[-1:]:
        report = json.loads(path.read_text(encoding="utf-8"))
        if report["error"]:
            yield Finding("bad", "last run", f"stopped at {path.name[:13]} UTC: {report['error']}")


def check_landing(settings: Settings) -> Iterator[Finding]:
    """What lies in the landing folder."""
    below = settings.landing.rglob("*")
    files = [path.relative_to(settings.landing) for path in below if is_file(path)]
    count = Counter(path.parts[0] for path in files)
    text = ", ".join(f"{name} {count[name]:,}" for name in sorted(count))
    if files:
        yield Finding("ok", "landing", f"{len(files):,} files: {text}")
    elif settings.sources or any(settings.landing.iterdir()):
        yield Finding("note", "landing", "nothing has landed yet; run `paydown sync`")
    else:
        text = f"{shown_path(settings.landing)} is empty; drop exports there"
        yield Finding("bad", "landing", text)
    unlisted: list[OSError] = []
    for _ in os.walk(settings.landing, onerror=unlisted.append):
        pass
    for error in unlisted:
        folder = shown_path(Path(os.fsdecode(error.filename)))
        yield Finding("bad", "landing", f"{folder} can't be listed ({error.strerror})")
    # Streams as of the last run: the doctor parses and writes nothing.
    if (known := settings.dbt_target_path / "manifest.json").exists():
        contracts = contracts_from_manifest(json.loads(known.read_text(encoding="utf-8")))
        for problem in unread_files(contracts, settings.landing):
            yield Finding("note", "not read", str(problem))


def check_warehouse(settings: Settings) -> Iterator[Finding]:
    """What was loaded, which files were rejected, and what is quarantined."""
    try:
        warehouse = warehouse_of(settings)
        if not warehouse.exists():
            yield Finding("note", "warehouse", "nothing loaded yet; run `paydown run`")
            return
        with warehouse.reading(BOOKKEEPING) as con:
            loads, problems = con.execute(LOADS).fetchall(), con.execute(PROBLEMS).fetchall()
            kinds = Quarantine(con).kinds()
    except WarehouseBusyError as error:
        yield Finding("note", "in use", str(error))
        return
    except SettingsError as error:
        yield Finding("bad", "warehouse", str(error))
        return
    except duckdb.CatalogException:
        yield Finding("note", "warehouse", "no load has finished yet; run `paydown run`")
        return
    yield from (Finding(*row) for row in loads)
    for state, subject, file, problem in problems:
        if not _is_gone(settings, file):
            yield Finding(state, subject, f"{file}: {problem}")
    yield from _quarantined(kinds)


LOADS = """
    select
        if(sum(records) = sum(rows_loaded) + sum(rows_quarantined), 'ok', 'bad'),
        'raw.' || source,
        format(
            '{:,} records = {:,} loaded + {:,} quarantined, newest load {} UTC',
            sum(records)::bigint, sum(rows_loaded)::bigint, sum(rows_quarantined)::bigint,
            strftime(max(_loaded_at), '%Y-%m-%d %H:%M')
        )
    from raw.loads
    group by source
    order by source
"""
# Files whose newest load was rejected, or read with a remark.
PROBLEMS = """
    select
        if(status = 'rejected', 'bad', 'note'),
        if(status = 'rejected', 'rejected file', 'file'),
        file, any_value(problem)
    from (
        from raw.loads
        qualify row_number() over (partition by source, stream, file order by _loaded_at desc) = 1
    )
    where problem <> ''
    group by all
    order by all
"""


def _is_gone(settings: Settings, file: str) -> bool:
    """Whether a person removed the file since; one that can't be checked counts as existing."""
    try:
        return not any((root / file).exists() for root in settings.roots.values())
    except OSError:
        return False


def _quarantined(kinds: list[Row]) -> Iterator[Finding]:
    """The records that are still quarantined, by what is wrong with them, newest first."""
    for kind in kinds[:SHOWN_PROBLEMS]:
        yield Finding("note", f"{kind['source']}.{kind['stream']}", kind_text(kind))
    if kinds:
        more = f", {len(kinds) - SHOWN_PROBLEMS:,} more kinds" if kinds[SHOWN_PROBLEMS:] else ""
        count = sum(kind["open"] for kind in kinds)
        text = f"{count:,} quarantined records{more}: `paydown quarantine list`"
        yield Finding("note", "quarantine", text)


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
    """The tracker's own checks: reachable, allowed, complete; nothing is written."""
    try:
        config = read_tracker_config(settings)
    except (ConfigError, OSError):
        return  # The finding about the file says what is wrong.
    try:
        tracker = build_tracker(config, settings, patience=PATIENCE)
    except SourceError as error:
        yield Finding("bad", f"tracker {config.kind}", str(error))
        return
    for check in tracker.check():
        state = "ok" if check.is_ok else "bad"
        yield Finding(state, f"{config.kind} {check.name}", check.message)
    if config.kind != "local" and is_dry_run(settings, config):
        text = "on (`paydown epics` shows what would be sent); PAYDOWN_DRY_RUN=0 lets runs write"
        yield Finding("note", "dry run", text)
    elif config.kind != "local":
        yield Finding("ok", "dry run", "off: runs write to the tracker")
