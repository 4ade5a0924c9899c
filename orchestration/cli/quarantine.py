"""`paydown quarantine`: what is in quarantine, one record of it, and replaying."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.padding import Padding
from rich.text import Text

from orchestration.cli.command import console, read_settings
from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.quarantine import (
    BOOKKEEPING,
    NOTHING,
    Quarantine,
    QuarantineError,
    Row,
)
from orchestration.loader.report import place
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse, warehouse_of

app = typer.Typer(
    no_args_is_help=True,
    help="Records that could not be read: list them, show one, read them again.",
)
Source = Annotated[str | None, typer.Option(help="Only records of this source.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]
BUSY = "another program has the warehouse open, such as a run; ask again when it is done"
ID_SHOWN = 12
SHOWN_OUTCOMES = 20


@contextmanager
def opened(settings: Settings) -> Generator[Quarantine]:
    """The quarantine of the settings' warehouse, for reading.

    Raises:
        QuarantineError: no warehouse exists yet, or a run is writing it.
    """
    with _reachable(settings) as warehouse, warehouse.reading(BOOKKEEPING) as con:
        yield Quarantine(con)


@contextmanager
def _reachable(settings: Settings) -> Generator[Warehouse]:
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        raise QuarantineError(NOTHING)
    try:
        yield warehouse
    except duckdb.IOException as error:
        raise QuarantineError(BUSY) from error


@app.command("list")
def show_list(
    source: Source = None,
    settled: Annotated[
        bool, typer.Option("--all", help="Also what was settled since: replayed, or read again.")
    ] = False,
    each: Annotated[
        bool, typer.Option("--each", help="Record by record, each with its id.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what is quarantined by stream and reason, newest first, with the id of one record."""
    with opened(read_settings()) as quarantine:
        rows = quarantine.kinds(source, settled=settled, each=each)
        kinds = quarantine.kinds(source, settled=True)
    if as_json:
        print(json.dumps(rows, default=lambda moment: f"{moment.isoformat()}Z", indent=2))
        return
    for row in rows:
        _print_item(row["id"], f"{row['source']}.{row['stream']}", kind_text(row))
    count, past = (sum(kind[state] for kind in kinds) for state in ("open", "settled"))
    of_source = f" ({source})" if source else ""
    console.print(Text(f"{count:,} open, {past:,} settled since{of_source}", "bold"))
    if count:
        console.print(
            Text("paydown quarantine show ID shows one, paydown quarantine replay reads again")
        )


def kind_text(kind: Row) -> str:
    """How many records of a kind there are, why, and where one of them is."""
    count, files = kind["open"] + kind["settled"], kind["files"]
    state = f"{kind['open']:,} open, {kind['settled']:,} settled" if count > 1 else kind["state"]
    state = f"{count:,} open" if kind["open"] == count else state
    where = f"{'such as ' if count > 1 else ''}{place(kind['file'], kind['line'])}"
    if kind["field"] and kind["value"]:
        where += f", {kind['field']}={kind['value']!r}"
    return f"{state}{f' in {files:,} files' if files > 1 else ''} ({where}): {kind['reason']}"


def _print_item(record_id: str, where: str, what: str) -> None:
    console.print(Text.assemble((record_id[:ID_SHOWN], "bold"), f" {shown(where)}"))
    console.print(Padding(Text(shown(what)), (0, 0, 0, 2), expand=False))


@app.command("show")
def show_record(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or how it begins.")],
    save: Annotated[
        Path | None, typer.Option(help="Write the original text to this new file instead.")
    ] = None,
) -> None:
    """Show one record: where it was, what is wrong, what to do about it, and its text."""
    with opened(read_settings()) as quarantine:
        problems = quarantine.record(record_id)
    first = problems[0]
    text: str = first["text"] or ""
    if save:
        try:
            with save.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise QuarantineError(f"{save}: can't be written ({error.strerror})") from error
        console.print(Text(f"{save}: {len(text):,} characters"))
        return
    short, is_cut = first["id"][:ID_SHOWN], len(text) >= MAX_QUARANTINED_TEXT
    stream = f"{first['source']}.{first['stream']}"
    since = f"{first['_loaded_at']:%Y-%m-%d %H:%M} UTC"
    facts = [("id", short), ("stream", stream), ("since", since)]
    facts += [(name, first[name]) for name in ("file", "line", "state")]
    for problem in problems:
        reason, _, fix = problem["reason"].partition("; ")
        facts += [("field", problem["field"]), ("value", problem["value"])]
        facts += [("reason", reason), ("fix", fix)]
    for name, value in facts:
        if value not in (None, ""):
            console.print(Text.assemble((f"{name:<10}", "dim"), shown(str(value))))
    kept = f", its first {len(text):,} characters" if is_cut else ""
    console.print(Text(f"\nthe original text{kept}", "dim"))
    console.print(Text(shown(pretty(text), kept="\n\t")), soft_wrap=True)
    if first["state"] == "open":
        is_csv = ".csv" in first["file"].lower() and not text.startswith("{")
        name = f"record.{'csv' if is_csv else 'json'}"
        how = f"to correct the record itself{', below the header of its file' if is_csv else ''}"
        again = (
            "" if is_cut else f"once the contract is right\n  paydown quarantine replay {short}\n"
        )
        console.print(Text(f"\n{again}{how}"))
        console.print(Text(f"  paydown quarantine show {short} --save {name}"))
        console.print(Text(f"  paydown quarantine replay {short} --with {name}"))


@app.command("replay")
def show_replay(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Which; by default all that are open."),
    ] = None,
    source: Source = None,
    correction: Annotated[
        Path | None, typer.Option("--with", help="File with the one record as corrected.")
    ] = None,
) -> bool:
    """Read records again, by the current contract or corrected; their files may be gone.

    Exits with 1 if one is still quarantined.
    """
    settings = read_settings()
    from orchestration.configuration import READERS
    from orchestration.dbt_project import manifest
    from orchestration.loader import contracts_from_manifest
    from orchestration.loader.replay import replay

    with console.status("reading the dbt project") as status, _reachable(settings) as warehouse:
        outcomes, rows_loaded = replay(
            contracts_from_manifest(manifest(settings)), warehouse, READERS,
            ids=ids or [], source=source, correction=correction, progress=status.update,
        )  # fmt: skip
    if not outcomes:
        console.print(Text("nothing is in quarantine", "green"))
        return True
    states = Counter(one["state"] for one in outcomes)
    if loaded := states["loaded"]:
        rows = f" as {rows_loaded:,} rows" if rows_loaded != loaded else ""
        console.print(Text(f"{loaded:,} loaded{rows}; `paydown run` counts them", "green"))
    if settled := states["settled"]:
        console.print(Text(f"{settled:,} settled before, left unchanged"))
    if still := states["open"]:
        console.print(Text(f"{still:,} still in quarantine", "bold red"))
        for one in [one for one in outcomes if one["state"] == "open"][:SHOWN_OUTCOMES]:
            _print_item(one["id"], one["place"], one["reason"])
        if still > SHOWN_OUTCOMES:
            console.print(Text(f"and {still - SHOWN_OUTCOMES:,} more"))
    return not still


def shown(text: str, kept: str = "") -> str:
    """The text with control characters written as their codes, except those `kept`."""
    return "".join(_escaped(char) if char not in kept else char for char in text)


def _escaped(char: str) -> str:
    if unicodedata.category(char)[0] != "C":
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def pretty(text: str) -> str:
    """JSON with one value per line, if that changes nothing else; any other text unchanged."""
    try:
        laid_out = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
    return laid_out if "".join(laid_out.split()) == "".join(text.split()) else text
