"""Read quarantined records again, from the text that `raw.quarantine` kept: by the contract as it
is now, or as somebody corrected them. The file itself may be gone.

Each record is a load of its own, committed as any other, so a replay that dies loses nothing. What
would be quarantined as before is not written at all, so a second replay changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from orchestration.loader.batch import Load, new_load
from orchestration.loader.contract import Contract
from orchestration.loader.files import LandedFile, UnreadableFileError
from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.quarantine import REPLAYED, Chosen, Quarantine, QuarantineError
from orchestration.loader.raw import count_rows, create_tables, delete_leftovers
from orchestration.loader.read import Readers, append_batch, append_lines, new_batch
from orchestration.loader.report import Outcome, ReplayReport
from orchestration.warehouse import Warehouse

# What was wrong with the records, by their number in `batch`.
KNOWN = "select distinct file_number, reason, field, value"


def replay(
    contracts: Sequence[Contract],
    warehouse: Warehouse,
    readers: Readers,
    *,
    ids: Sequence[str] = (),
    source: str | None = None,
    correction: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> ReplayReport:
    """Replay the records with these ids, or all that are open, or all that are of one source.

    `correction` is a file with what the one record should have been, in any form that a landed
    file may have. If it is bad too, nothing is written.

    Raises:
        QuarantineError: for an unknown id, or a correction that can't be read.
        ContractError: for a contract with which no record can be read.
        duckdb.IOException: another program has the warehouse open.
    """
    if correction and len(ids) != 1:
        raise QuarantineError(f"{correction} corrects one record; give the id of one")
    with warehouse.opened() as con:
        records = Quarantine(con).chosen(ids, source)
        by_name = {contract.name: contract for contract in contracts}
        report = ReplayReport()
        streams: dict[str, list[Chosen]] = {}
        for record in records:
            name = f"{record.source}.{record.stream}"
            if outcome := _refused(record, by_name.get(name), correction):
                report.outcomes.append(outcome)
            else:
                streams.setdefault(name, []).append(record)
        if not streams:
            return report
        load = Load(con, warehouse.folder)
        used = {name: by_name[name] for name in streams}
        load.check(used)
        if correction:
            (name, (record,)) = next(iter(streams.items()))
            _append_correction(con, by_name[name], record, correction, readers)
        else:
            _append_texts(con, [one for some in streams.values() for one in some])
        for name, some in streams.items():
            progress(f"reading {len(some)} of {name}")
            _judge(load, by_name[name], some, report, correction)
        if load.loads:
            create_tables(con, list(used.values()))
            count_rows(con, used.values())
            delete_leftovers(con)
            load.commit()
        report.rows_loaded = load.report.rows_loaded
        return report


def _refused(record: Chosen, contract: Contract | None, correction: Path | None) -> Outcome | None:
    """Why the record can't be replayed; None where it can."""
    if record.state != "open":
        return Outcome(record.id, record.place, "settled", f"was {record.state} before")
    reason = None
    if contract is None:
        reason = (
            f"no contract reads {record.source}.{record.stream} any more; "
            "add it to a _sources.yml again"
        )
    elif contract.mode == "snapshot":
        reason = (
            f"{contract.name} is what its files say; correct {record.file} itself, "
            "and the next run reads it"
        )
    elif record.is_cut and not correction:
        reason = (
            f"only its first {MAX_QUARANTINED_TEXT:,} characters were kept; correct it in "
            f"{record.file} and run again, or give the complete record by --with FILE"
        )
    return Outcome(record.id, record.place, "open", reason) if reason else None


def _append_texts(con: duckdb.DuckDBPyConnection, records: Sequence[Chosen]) -> None:
    """The records' texts become `batch`, and what was wrong with them `known`."""
    numbers = pa.table({"id": [r.id for r in records], "file_number": [r.number for r in records]})
    con.register("numbers", numbers)
    new_batch(con)
    # What is no JSON could not be read as its file is, which no contract changes.
    con.execute(
        """
        insert into batch
        select
            file_number, line, text,
            case when coalesce(json_valid(text), false) then null else reason end,
            field, value
        from (select distinct on (id) * from records) as texts inner join numbers using (id)
        """
    )
    con.execute(
        f"create or replace temp table known as {KNOWN} from records inner join numbers using (id)"
    )
    con.unregister("numbers")


def _append_correction(
    con: duckdb.DuckDBPyConnection,
    contract: Contract,
    record: Chosen,
    path: Path,
    readers: Readers,
) -> None:
    """The file becomes `batch`, at the place of the record that it corrects."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise QuarantineError(f"{path}: can't be read ({error.strerror})") from error
    digest = hashlib.sha256(content).hexdigest()
    file = LandedFile(contract, path, str(path), digest, len(content))
    new_batch(con)
    try:
        waiting: list[pa.Table] = []
        for _ in append_batch(con, file, record.number, readers, waiting):
            pass
        append_lines(con, waiting)
    except UnreadableFileError as error:
        raise QuarantineError(f"{path}: {error}") from error
    con.execute("update batch set line = $line", {"line": record.line})
    con.execute(f"create or replace temp table known as {KNOWN} from batch where false")


def _judge(
    load: Load,
    contract: Contract,
    records: Sequence[Chosen],
    report: ReplayReport,
    correction: Path | None,
) -> None:
    """Write the records of which something is new, as loads of their own."""
    loads = {r.number: new_load(contract, REPLAYED + r.id, "loaded") for r in records}
    load.judge(contract, loads)
    judged = load.con.execute(
        """
        select
            _file_number,
            min(_reason),
            count_if(_reason is not null and known.file_number is null)
        from judged
        left join known
            on _file_number = known.file_number and _reason = known.reason
                and _field is not distinct from known.field
                and _value is not distinct from known.value
        group by _file_number
        """
    ).fetchall()
    found: dict[int, tuple[Any, ...]] = {row[0]: row for row in judged}
    if correction and not found:
        raise QuarantineError(f"{correction}: holds no record; write the corrected record into it")
    for record in records:
        _, reason, new = found.get(record.number, (record.number, None, 0))
        state: Literal["open", "loaded"] = "open" if reason else "loaded"
        report.outcomes.append(Outcome(record.id, record.place, state, reason or ""))
        if reason and (correction or not new):
            del loads[record.number]
    contents = load.con.execute(
        """
        select file_number, sha256(string_agg(text, chr(10) order by line)), sum(strlen(text))
        from batch group by file_number
        """
    ).fetchall()
    for number, digest, size in contents:
        if number in loads:
            loads[number] |= {"sha256": digest, "size_bytes": int(size)}
    load.write(contract, loads, {record.number: record.file for record in records})
    load.loads += loads.values()
