"""Load what is new in the landing folder into `raw`, exactly once and without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loader.batch import Batch
from orchestration.loader.contract import Contract
from orchestration.loader.expressions import identifier
from orchestration.loader.files import Finder
from orchestration.loader.pending import (
    FILES,
    HAS_RECORDS,
    KEPT,
    KEPT_AT_A_TIME,
    NOTE_EMPTY,
    PENDING,
    STREAMS,
    UNUSED,
)
from orchestration.loader.quarantine import REPLAYED
from orchestration.loader.raw import create_tables, delete_leftovers, unaccounted
from orchestration.loader.read import Readers, read_file
from orchestration.loader.relation import create_view
from orchestration.loader.report import LoadReport, Problem
from orchestration.loader.text import UnreadableFileError
from orchestration.warehouse import Session, Warehouse


def load_landing(
    contracts: Sequence[Contract],
    roots: Mapping[str, Path],
    warehouse: Warehouse,
    readers: Readers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Append every new file of every contract to the warehouse.

    Rows are committed first and `raw.loads` last; leftovers of an interrupted load are deleted, and
    their files are read again. A second loader waits until the first is done.

    Raises:
        ContractError: a contract can't be used to read files.
        duckdb.IOException: another program has the warehouse open.
    """
    related = [contract for contract in contracts if contract.relation]
    contracts = [contract for contract in contracts if not contract.relation]
    with warehouse.opened() as session:
        con = session.con
        create_tables(session, contracts)
        left_out = [problem for one in related for problem in create_view(session, one)]
        delete_leftovers(session, contracts)
        finder = Finder(roots, warehouse.folder / "hashes.json")
        paths = _find(con, contracts, finder)
        con.execute(f"create or replace temp table landed as {PENDING}")
        _fetch_kept(session, contracts)
        by_name = {contract.name: contract for contract in contracts}
        batch = Batch(session, by_name)
        _read(con, batch, paths, by_name, readers, progress)
        batch.reject_wrong_files()
        # A problem is written once.
        batch.commit("status <> 'rejected' or problem is distinct from known_problem")
        finder.save()
        report = batch.report
        rejected = con.execute(
            f"""
            select file, null, null, null, problem from landed where status = 'rejected'
            union  -- Of an append stream the same bytes are read once.
            select
                files.file, null, null, null,
                'has the same bytes as ' || landed.file || ', which is rejected; fix or remove it'
            from landed
            inner join files using (name, sha256)
            inner join streams using (name)
            where landed.status = 'rejected' and mode = 'append' and sha256 <> ''
                and files.file <> landed.file
            union
            select file, null, null, null, problem from files where is_folder
            union
            select * from ({UNUSED})
            order by all
            """
        ).fetchall()
        report.rejected = left_out + [Problem(*row) for row in rejected]
        report.relations = len(related)
        notes = con.execute(
            "select distinct file, null, null, null, problem from landed "
            "where status = 'loaded' and problem <> '' order by all"
        )
        report.notes = [Problem(*row) for row in notes.fetchall()]
        counted = con.execute(
            """
            select
                count(distinct file) filter (where status = 'loaded' and replaced_at is not null),
                count(distinct file) filter (where status = 'loaded' and kept_id is not null),
                count(distinct file) filter (where status = 'loaded'),
                count(distinct file) filter (where status = 'removed'),
                count(distinct file) filter (
                    where status = 'rejected' and problem is distinct from known_problem
                )
            from landed
            """
        ).fetchall()
        ((report.files_again, report.files_kept, *rest),) = counted
        report.files_loaded, report.files_removed, new_problems = rest
        report.files_unchanged = max(
            len(paths) - report.files_loaded + report.files_kept - new_problems, 0
        )
        report.has_records = bool(con.execute(HAS_RECORDS).fetchall())
        report.unaccounted = unaccounted(con, contracts)
        return report


def _find(
    con: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], finder: Finder
) -> list[Path]:
    """Create the tables `streams` and `files`, and return the paths by number."""
    numbers: dict[Path, int] = {}
    streams, files = [], []
    for contract in contracts:
        stated = contract.model_dump(include={"source", "stream", "mode"})
        stated["has_records"] = not (contract.reader or contract.each)
        stated["has_parts"] = bool(contract.each)
        streams.append({"name": contract.name, "contract": contract.fingerprint, **stated})
        for file in finder.files(contract):
            number = -1 if file.is_folder else numbers.setdefault(file.path, len(numbers))
            files.append({"_number": number, "name": contract.name, **vars(file)})
    for table, rows, schema in (("streams", streams, STREAMS), ("files", files, FILES)):
        con.register("found", pa.Table.from_pylist(rows, schema=schema))
        con.execute(f"create or replace temp table {table} as select * from found")
        con.unregister("found")
    return list(numbers)


def _read(
    con: duckdb.DuckDBPyConnection,
    batch: Batch,
    paths: Sequence[Path],
    contracts: Mapping[str, Contract],
    readers: Readers,
    progress: Callable[[str], None],
) -> None:
    """Read each file once for all its streams."""
    pending = con.execute(
        "select _number, file, min(name), any_value(problem) from landed "
        "where status = 'loaded' and kept_id is null group by all order by _number"
    ).fetchall()

    def pieces(number: int, name: str) -> Iterator[pa.Table]:
        notes: list[str] = []
        yield from read_file(con, paths[number], contracts[name], readers, notes)
        if notes:
            batch.note(number, notes[0])

    for number, file, name, problem in pending:
        progress(f"reading {file}")
        try:
            if problem:
                raise UnreadableFileError(problem)
            for piece in pieces(number, name):
                batch.add(number, piece)
        except UnreadableFileError as error:
            batch.reject(number, str(error))
    batch.flush()
    for number, file, name, _ in pending:
        try:
            if batch.decides(number, pieces(number, name)):
                progress(f"reading {file} by the dates found in it")
                for piece in pieces(number, name):
                    batch.add(number, piece)
                batch.flush()
        except UnreadableFileError as error:
            batch.reject(number, str(error))
    for name in contracts:
        _read_kept(con, batch, contracts[name])
    con.execute(NOTE_EMPTY)


def _fetch_kept(session: Session, contracts: Sequence[Contract]) -> None:
    """Give the session what is kept of files that are gone and must be read again. Rows of a
    replayed record name its original file, not the replay."""
    kept = session.con.execute("select distinct name from landed where kept_id is not null")
    names = {name for (name,) in kept.fetchall()}
    for contract in contracts:
        if contract.name in names:
            session.refresh(contract.table, "quarantine")
            session.con.execute(
                f"""
                update landed set _source_file = rows._source_file
                from raw.{identifier(contract.table)} as rows
                where kept_id = rows._load_id and starts_with(landed.file, '{REPLAYED}')
                    and landed.name = $name
                """,
                {"name": contract.name},
            )


def _read_kept(con: duckdb.DuckDBPyConnection, batch: Batch, contract: Contract) -> None:
    """Read again what another contract loaded from files that are gone."""
    numbers = con.execute(
        "select min(_number), max(_number) from (select _number, sum(loads.records) over (order by "
        "_number) // ? as part from landed inner join raw.loads on kept_id = loads._load_id "
        "where name = ?) group by part order by part",
        [KEPT_AT_A_TIME, contract.name],
    )
    for first, last in numbers.fetchall():
        table = identifier(contract.table)
        con.execute(KEPT.format(table=table, first=first, last=last))
        batch.flush()
