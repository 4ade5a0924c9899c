"""`paydown quarantine`: what is in quarantine, one record of it, and replaying."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from orchestration.loader.quarantine import (
    BUSY,
    NOTHING,
    Kind,
    Problem,
    Quarantine,
    QuarantineError,
    Record,
)
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.loader.report import ReplayReport

ID_SHOWN = 12
SHOWN_OUTCOMES = 20
OPEN, CLOSE = ("{", "["), ("}", "]")
JSON_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@contextmanager
def opened(settings: Settings) -> Generator[Quarantine]:
    """The quarantine of the settings' warehouse, for reading.

    Raises:
        QuarantineError: where no warehouse exists yet, or a run is writing it.
    """
    if not settings.warehouse.exists():
        raise QuarantineError(NOTHING)
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            yield Quarantine(con)
    except duckdb.IOException as error:
        raise QuarantineError(BUSY) from error


def replay_from(
    settings: Settings,
    ids: Sequence[str],
    source: str | None,
    correction: Path | None,
    progress: Callable[[str], None],
) -> ReplayReport:
    """Replay by the project's contracts as they are now; see `loader.replay`.

    Raises:
        QuarantineError, ContractError, SettingsError: with what to do about it.
    """
    from orchestration.configuration import READERS
    from orchestration.dbt_project import manifest
    from orchestration.loader import contracts_from_manifest
    from orchestration.loader.replay import replay
    from orchestration.warehouse import loading_warehouse

    if not settings.warehouse.exists():
        raise QuarantineError(NOTHING)
    contracts = contracts_from_manifest(manifest(settings))
    try:
        return replay(
            contracts,
            loading_warehouse(settings),
            READERS,
            ids=ids,
            source=source,
            correction=correction,
            progress=progress,
        )
    except duckdb.IOException as error:
        raise QuarantineError(BUSY) from error


def show_list(
    console: Console,
    settings: Settings,
    source: str | None,
    *,
    settled: bool,
    each: bool,
    as_json: bool,
) -> None:
    """Print the quarantine by kind, or each record; only what is open, unless `settled`.

    Raises:
        QuarantineError: where no warehouse can be read.
    """
    with opened(settings) as quarantine:
        rows: Sequence[Kind | Problem] = (
            quarantine.problems(source, settled=settled)
            if each
            else quarantine.kinds(source, settled=settled)
        )
        settled_count = sum(kind.settled for kind in quarantine.kinds(source, settled=True))
    if as_json:
        print(json.dumps([asdict(row) for row in rows], default=_iso, indent=2))
        return
    for row in rows:
        if isinstance(row, Kind):
            _print_kind(console, row)
        else:
            state = "" if row.state == "open" else f" ({row.state})"
            _print_item(console, row.id, f"{row.place}{state}", _what(row))
    open_count = sum(row.open if isinstance(row, Kind) else row.state == "open" for row in rows)
    of_source = f" ({source})" if source else ""
    console.print(Text(f"{open_count:,} open, {settled_count:,} settled since{of_source}", "bold"))
    if open_count:
        console.print(
            Text("paydown quarantine show ID shows one, paydown quarantine replay reads again")
        )


def _print_item(console: Console, record_id: str, place: str, what: str) -> None:
    console.print(Text.assemble((record_id[:ID_SHOWN], "bold"), f" {shown(place)}"))
    console.print(Padding(Text(shown(what)), (0, 0, 0, 2), expand=False))


def _print_kind(console: Console, kind: Kind) -> None:
    counts = f"{kind.open:,} open" + (f", {kind.settled:,} settled" if kind.settled else "")
    console.print(Text.assemble((shown(kind.file), "bold"), f"  {kind.source}.{kind.stream}"))
    console.print(Padding(Text(f"{counts}: {shown(kind.reason)}"), (0, 0, 0, 2), expand=False))
    what = "newest" if kind.open + kind.settled > 1 else "quarantined"
    console.print(
        Padding(
            Text(f"{kind.example[:ID_SHOWN]} {what} {_utc(kind.newest_at)}", "dim"), (0, 0, 1, 2)
        )
    )


def _what(problem: Problem) -> str:
    value = f"{problem.field}={problem.value!r}: " if problem.field and problem.value else ""
    return value + problem.reason


def show_record(console: Console, settings: Settings, beginning: str, save: Path | None) -> None:
    """Print one record with what is wrong, the fix and the original text, or save that text.

    Raises:
        QuarantineError: where there is no such record, or the file to save in exists.
    """
    with opened(settings) as quarantine:
        record = quarantine.record(beginning)
    if save:
        _save(record, save)
        console.print(Text(f"{save}: {len(record.text):,} characters"))
        return
    first = record.problems[0]
    state = first.state if first.settled_at is None else f"{first.state}, {_utc(first.settled_at)}"
    facts: list[tuple[str, object]] = [
        ("id", first.id[:ID_SHOWN]),
        ("stream", f"{first.source}.{first.stream}"),
        ("file", first.file),
        ("line", first.line),
        ("since", _utc(first.quarantined_at)),
        ("state", state),
    ]
    for problem in record.problems:
        reason, _, fix = problem.reason.partition("; ")
        facts += [
            ("field", problem.field),
            ("value", problem.value),
            ("reason", reason),
            ("fix", fix),
        ]
    for name, value in facts:
        if value not in (None, ""):
            console.print(Text.assemble((f"{name:<10}", "dim"), shown(str(value))))
    kept = f", its first {len(record.text):,} characters" if record.is_cut else ""
    console.print(Text(f"\nthe original text{kept}", "dim"))
    console.print(Text(shown(pretty(record.text), kept="\n\t")), soft_wrap=True)
    if first.state == "open":
        _print_next(console, record)


def _print_next(console: Console, record: Record) -> None:
    short = record.problems[0].id[:ID_SHOWN]
    is_row = ".csv" in Path(record.problems[0].file.lower()).suffixes and not _is_json(record.text)
    name = "record.csv" if is_row else "record.json"
    if not record.is_cut:
        console.print(Text("\nonce the contract is right", "dim"))
        console.print(Text(f"  paydown quarantine replay {short}"))
    above = ", below the header of its file" if is_row else ""
    console.print(Text(f"\nto correct the record itself{above}", "dim"))
    console.print(Text(f"  paydown quarantine show {short} --save {name}"))
    console.print(Text(f"  paydown quarantine replay {short} --with {name}"))


def show_replay(console: Console, report: ReplayReport) -> bool:
    """Print what became of the records; False where one is still in quarantine."""
    loaded, settled, still = (report.count(state) for state in ("loaded", "settled", "open"))
    if not report.outcomes:
        console.print(Text("nothing is in quarantine", "green"))
        return True
    if loaded:
        rows = f" as {report.rows_loaded:,} rows" if report.rows_loaded != loaded else ""
        console.print(Text(f"{loaded:,} loaded{rows}; `paydown run` counts them", "green"))
    if settled:
        console.print(Text(f"{settled:,} settled before, left as they are"))
    if still:
        console.print(Text(f"{still:,} still in quarantine", "bold red"))
        left = [outcome for outcome in report.outcomes if outcome.state == "open"]
        for outcome in left[:SHOWN_OUTCOMES]:
            _print_item(console, outcome.id, outcome.place, outcome.reason)
        if still > SHOWN_OUTCOMES:
            console.print(Text(f"and {still - SHOWN_OUTCOMES:,} more"))
    return not still


def shown(text: str, kept: str = "") -> str:
    """The text with whatever a terminal might obey written as its code, but for those `kept`."""
    return "".join(
        _escaped(char) if unicodedata.category(char)[0] == "C" and char not in kept else char
        for char in text
    )


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def pretty(text: str) -> str:
    """JSON with a value a line, each as it was written; any other text as it is."""
    return "".join(_indented(JSON_PARTS.findall(text))) if _is_json(text) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _indented(parts: Iterable[str]) -> Iterator[str]:
    depth, before = 0, ""
    for part in parts:
        depth -= part in CLOSE
        if before in (*OPEN, ",") or (part in CLOSE and before):
            is_empty = before in OPEN and part in CLOSE
            yield "" if is_empty else "\n" + "  " * depth
        yield ": " if part == ":" else part
        depth += part in OPEN
        before = part


def _save(record: Record, path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(record.text)
    except FileExistsError:
        raise QuarantineError(f"{path}: exists already; name another file") from None
    except OSError as error:
        raise QuarantineError(f"{path}: can't be written ({error.strerror})") from error


def _utc(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _iso(value: Any) -> str:
    return f"{value.isoformat()}Z"
