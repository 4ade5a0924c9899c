"""Read again what was set aside, from the text that `raw.quarantine` kept: by the contract of now,
or as somebody corrected it. The file itself may be gone.

Each record is a load of its own, committed as any other, so a replay that dies loses nothing. What
would be set aside as before is not written at all, so a second replay changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import pyarrow as pa

from orchestration.loader.aside import RECORDS, REPLAYED, QuarantineError, full_id
from orchestration.loader.contract import Contract
from orchestration.loader.expressions import literal
from orchestration.loader.files import LandedFile, UnreadableFileError
from orchestration.loader.history import query, query_arrow, stored_tables
from orchestration.loader.project import MAX_QUARANTINED_TEXT, project_sql
from orchestration.loader.read import Readers, append_batch, new_batch
from orchestration.loader.report import Outcome, ReplayReport
from orchestration.loader.session import (
    CONTRACT_FAULTS,
    Load,
    check,
    commit,
    connection,
    contract_error,
    new_load,
    number_files,
    project,
)
from orchestration.loader.write import Batches, alone

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True)
class Record:
    """A record that was set aside; `number` stands for it in `batch`."""

    number: int
    id: str
    source: str
    stream: str
    file: str
    line: int | None
    state: str
    is_cut: bool

    @property
    def place(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


def replay(
    contracts: Sequence[Contract],
    pipeline: dlt.Pipeline,
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
        QuarantineError: for an id that there isn't, or a correction that can't be read.
        ContractError: for a contract with which no record can be read.
    """
    if correction and len(ids) != 1:
        raise QuarantineError(f"{correction} corrects one record; give the id of one")
    with alone(pipeline), connection() as con:
        stored = stored_tables(contracts, pipeline)
        if not {"loads", "quarantine"} <= set(stored):
            raise QuarantineError("nothing was loaded yet; run `paydown run`")
        records = _records(pipeline, ids, source)
        by_name = {contract.name: contract for contract in contracts}
        report = ReplayReport()
        streams: dict[str, list[Record]] = {}
        for record in records:
            name = f"{record.source}.{record.stream}"
            if outcome := _refused(record, by_name.get(name), correction):
                report.outcomes.append(outcome)
            else:
                streams.setdefault(name, []).append(record)
        check(con, {name: by_name[name] for name in streams})
        load = Load(con, readers, progress)
        if correction and streams:
            (name, (record,)) = next(iter(streams.items()))
            _append_correction(load, by_name[name], record, correction)
        elif streams:
            _append_texts(con, pipeline, [one for some in streams.values() for one in some])
        loads = {
            name: _judge(load, by_name[name], some, report, correction)
            for name, some in streams.items()
        }
        load.loads = [row for rows in loads.values() for row in rows.values()]
        places = {record.number: record.file for record in records}
        if load.loads:
            commit(load, contracts, stored, pipeline, _batches(load, by_name, loads, places))
        report.rows_loaded = load.report.rows_loaded
        return report


def _batches(
    load: Load,
    contracts: Mapping[str, Contract],
    loads: Mapping[str, Mapping[int, dict[str, Any]]],
    places: Mapping[int, str],
) -> Batches:
    for name, rows in loads.items():
        if rows:
            yield from project(load, contracts[name], rows, places)


def _records(pipeline: dlt.Pipeline, ids: Sequence[str], source: str | None) -> list[Record]:
    if ids:
        chosen = dict.fromkeys(full_id(one, partial(query, pipeline)) for one in ids)
        condition = f"id in ({', '.join(literal(one) for one in chosen)})"
    else:
        condition = "state = 'open'"
    if source:
        condition += f" and source = {literal(source)}"
    rows = query(
        pipeline,
        f"""
        select distinct
            id, source, stream, file, line, state,
            length(text) >= {MAX_QUARANTINED_TEXT} as is_cut
        from ({RECORDS})
        where {condition}
        order by source, stream, file, line, id
        """,
    )
    return [Record(number, *row) for number, row in enumerate(rows)]


def _refused(record: Record, contract: Contract | None, correction: Path | None) -> Outcome | None:
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
            f"{record.file} and run again, or give the whole record by --with FILE"
        )
    return Outcome(record.id, record.place, "open", reason) if reason else None


def _append_texts(
    con: duckdb.DuckDBPyConnection, pipeline: dlt.Pipeline, records: Sequence[Record]
) -> None:
    """The records' texts become `batch`, and what was wrong with them `known`."""
    listed = ", ".join(literal(record.id) for record in records)
    texts = query_arrow(
        pipeline,
        f"select id, line, field, value, reason, text from ({RECORDS}) where id in ({listed})",
    )
    numbers = pa.table({"id": [r.id for r in records], "file_number": [r.number for r in records]})
    con.register("texts", texts)
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
        from (select distinct on (id) * from texts) as texts inner join numbers using (id)
        """
    )
    con.execute(
        """
        create or replace temp table known as
        select distinct file_number, reason, field, value
        from texts inner join numbers using (id)
        """
    )
    con.unregister("texts")
    con.unregister("numbers")


def _append_correction(load: Load, contract: Contract, record: Record, path: Path) -> None:
    """The file becomes `batch`, at the place of the record that it corrects."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise QuarantineError(f"{path}: can't be read ({error.strerror})") from error
    digest = hashlib.sha256(content).hexdigest()
    file = LandedFile(contract, path, str(path), digest, len(content))
    new_batch(load.con)
    try:
        append_batch(load.con, file, record.number, load.readers)
    except UnreadableFileError as error:
        raise QuarantineError(f"{path}: {error}") from error
    (count,) = load.con.execute("select count(*) from batch").fetchone() or (0,)
    if not count:
        raise QuarantineError(f"{path}: holds no record; write the corrected record into it")
    load.con.execute("update batch set line = $line", {"line": record.line})
    load.con.execute(
        """
        create or replace temp table known as
        select file_number, reason, field, value from batch where false
        """
    )


def _judge(
    load: Load,
    contract: Contract,
    records: Sequence[Record],
    report: ReplayReport,
    correction: Path | None,
) -> dict[int, dict[str, Any]]:
    """The loads, by number, of records of which something is to be written."""
    con = load.con
    load.progress(f"reading {len(records)} of {contract.name}")
    loads = {r.number: new_load(contract, REPLAYED + r.id, "loaded") for r in records}
    number_files(con, loads, {})
    try:
        judged = con.execute(
            f"""
            select
                _file_number,
                min(_reason),
                count_if(_reason is not null and known.file_number is null)
            from ({project_sql(contract, envelopes=True)}) as judged
            left join known
                on _file_number = known.file_number and _reason = known.reason
                    and _field is not distinct from known.field
                    and _value is not distinct from known.value
            group by _file_number
            """
        ).fetchall()
    except CONTRACT_FAULTS as error:
        raise contract_error(contract, error) from error
    found = {number: (reason, new) for number, reason, new in judged}
    if correction and not found:
        raise QuarantineError(f"{correction}: holds no record; write the corrected record into it")
    for record in records:
        reason, new = found.get(record.number, (None, 0))
        state: Literal["open", "loaded"] = "open" if reason else "loaded"
        report.outcomes.append(Outcome(record.id, record.place, state, reason or ""))
        if reason and (correction or not new):
            del loads[record.number]
    contents = con.execute(
        """
        select file_number, sha256(string_agg(text, chr(10) order by line)), sum(strlen(text))
        from batch group by file_number
        """
    ).fetchall()
    for number, digest, size in contents:
        if number in loads:
            loads[number] |= {"sha256": digest, "size_bytes": int(size)}
    return loads
