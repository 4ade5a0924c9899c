"""Records of many files on their way into raw tables, some 64 MB of text at a time.

`landed` has the loads of this pass: the columns of `raw.loads`, and the `_number` of their file in
`batch`; `name` is the contract's, `_source_file` what rows give as their file. Rows get into `raw`
with the commit, and count once their load is in `raw.loads`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import identifier, literal
from orchestration.loader.needed import Needed
from orchestration.loader.pending import REPLACED
from orchestration.loader.project import date_orders_sql, envelopes_sql, project_sql
from orchestration.loader.quarantine import REPLAYED
from orchestration.loader.raw import (
    LOADS,
    ORIGIN,
    QUARANTINE,
    Columns,
    append,
    delete_leftovers,
    raw_columns,
)
from orchestration.loader.report import LoadReport, Problem
from orchestration.warehouse import Session

# Text processed together: a batch takes some three times as much memory.
PIECE_BYTES = 64 * 1024 * 1024
SHOWN_PROBLEMS = 20
# DuckDB's errors for wrong SQL, as opposed to a full disk or memory.
CONTRACT_ERRORS = (duckdb.ProgrammingError, duckdb.DataError)
NOT_JSON = "is not JSON; correct the line and load the file again"


class Batch:
    """The batch of one session of the warehouse. Fill `landed` first."""

    def __init__(self, session: Session, contracts: Mapping[str, Contract]) -> None:
        self.report = LoadReport()
        self._session = session
        self._con = session.con
        self._contracts = contracts
        self._columns: dict[str, Columns] = {"quarantine": QUARANTINE}
        self._columns |= {one.table: raw_columns(one) for one in contracts.values()}
        self._parts: dict[str, list[Path]] = {}
        self._waiting: list[pa.Table] = []
        self._bytes = 0
        self._last = -1
        self._orders: dict[tuple[int, str], bool] = {}  # Whether dates begin with the month.
        self._unclear: dict[int, str] = {}  # Files with only ambiguous dates.
        self._is_scan = False  # Only the dates of added records count.
        self._needed = Needed()
        self._parts_folder = session.folder / "parts"
        shutil.rmtree(self._parts_folder, ignore_errors=True)
        self._parts_folder.mkdir(parents=True)
        # dlt would rewrite Parquet files with columns known to have no null.
        self._con.execute("set disabled_optimizers = 'statistics_propagation'")
        self._empty()

    def _empty(self) -> None:
        self._con.execute(
            "create or replace temp table batch (_number integer, line bigint, text varchar, "
            "reason varchar, field varchar, value varchar)"
        )

    def add(self, number: int, piece: pa.Table) -> None:
        """Add a piece of the file with this number, with the columns of `read.PIECE`.

        Raises:
            ContractError: the contract can't be used to read it.
        """
        if self._bytes >= PIECE_BYTES:
            if number == self._last:
                self._con.execute("update landed set is_split = true where _number = ?", [number])
            self.flush()
        self._last = number
        self._bytes += piece.nbytes
        numbers = pa.repeat(pa.scalar(number, pa.int32()), piece.num_rows)
        self._waiting.append(piece.append_column("_number", numbers))

    def reject(self, number: int, problem: str) -> None:
        """Reject a file; rows already written become leftovers, without a load."""
        self._con.execute(
            """
            update landed set status = 'rejected', problem = $problem, records = 0,
                rows_loaded = 0, rows_quarantined = 0, _load_id = replace(uuid()::varchar, '-', ''),
                _loaded_at = now()::timestamp
            where _number = $number
            """,
            {"number": number, "problem": problem},
        )

    def note(self, number: int, text: str) -> None:
        """Keep a note about a file that is read."""
        self._con.execute(
            "update landed set problem = ? where _number = ? and status = 'loaded'", [text, number]
        )

    def decides(self, number: int, pieces: Iterable[pa.Table]) -> bool:
        """Whether a file, rejected because the dates in its first 64 MB are ambiguous, has one
        further down that decides; then the rejection is undone, and it can be read again."""
        taken = "update landed set status = 'loaded', problem = null where is_split and _number = ?"
        problem = self._unclear.get(number)
        if not problem or not self._con.execute(f"{taken} returning 1", [number]).fetchall():
            return False
        self._is_scan = True
        try:
            for piece in pieces:
                self.add(number, piece)
            self.flush()
        finally:
            self._is_scan = False
        if number in self._unclear:
            self.reject(number, problem)
        found = "select 1 from landed where status = 'loaded' and _number = ?"
        return bool(self._con.execute(found, [number]).fetchall())

    def flush(self) -> None:
        """Judge and write the records in the batch, and empty it."""
        self.insert()
        names = self._con.execute(
            "select distinct name from landed semi join batch using (_number) "
            "where status = 'loaded' order by name"
        ).fetchall()
        for (name,) in names:
            self.order_dates(name)
            if not self._is_scan:
                self.judge(name)
                self.write(name)
        self._empty()

    def insert(self) -> None:
        """Move the pieces to the table `batch`."""
        if self._waiting:
            self._con.register("pieces", pa.concat_tables(self._waiting))
            self._con.execute(
                f"""
                insert into batch by name
                select
                    _number, line, field, value,
                    case when is_line and ends_with(text, chr(13)) then rtrim(text, chr(13))
                        else text end as text,
                    case when is_line and reason is null and not json_valid(text)
                        then {literal(NOT_JSON)} else reason end as reason
                from pieces
                where case  -- A blank line is no record; only of one that begins so is it all read.
                    when is_line and reason is null and ascii(text) <= 32
                        then trim(text, ' ' || chr(9) || chr(13)) <> ''
                    else true
                end
                """
            )
            self._con.unregister("pieces")
        self._waiting.clear()
        self._bytes = 0

    def judge(self, name: str) -> None:
        """Create `judged` from the records of a contract in the batch, as `project_sql` has it."""
        contract = self._contracts[name]
        found = self._run(contract, envelopes_sql(contract)).fetchall()
        sql = project_sql(contract, envelopes=bool(found))
        self._run(contract, f"create or replace temp table judged as {sql}")

    def order_dates(self, name: str) -> None:
        """Decide for each file whether its dates begin with the day or the month, or reject it."""
        contract = self._contracts[name]
        sql = date_orders_sql(contract, envelopes=bool(contract.records))
        for number, day, month, text in self._run(contract, sql).fetchall() if sql else ():
            known = self._orders.get((number, contract.name))
            if day and month and (known is not None or self._is_scan):
                continue
            if day == month or known not in (None, month):
                setting = contract.dates_variable or f"dates in {contract.defined_in}"
                problem = (
                    f"its dates, such as {text}, can be read {'either' if day else 'in no one'} "
                    f"way, day or month first; set {setting} to day_first or month_first"
                )
                self.reject(number, problem)
                if day and month:
                    self._unclear[number] = problem
                else:
                    self._unclear.pop(number, None)
            else:
                self._unclear.pop(number, None)
                self._orders[number, contract.name] = month
                self._con.execute(
                    "update landed set is_month_first = ? where _number = ?", [month, number]
                )

    def _run(self, contract: Contract, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._con.execute(sql)
        except CONTRACT_ERRORS as error:
            raise ContractError(
                f"{contract.defined_in}: source {contract.name}: one of its rules, formats, paths "
                f"or captures can't be used: {str(error).splitlines()[0]}; correct it"
            ) from error

    def write(self, name: str) -> None:
        """Write the rows in `judged` to Parquet files, and count them in `landed`."""
        self._con.execute(
            """
            update landed set records = landed.records + found.records,
                rows_loaded = rows_loaded + good,
                rows_quarantined = rows_quarantined + found.records - good
            from (
                select _number, count(*) as records, count(*) - count(_reason) as good
                from judged group by all
            ) as found
            where landed._number = found._number and landed.name = $name
            """,
            {"name": name},
        )
        self._needed.note(self._con, self._contracts[name])
        rows = f"from judged inner join landed using (_number) where landed.name = {literal(name)}"
        counted = self._con.execute("select count(*), count(_reason) from judged").fetchall()
        ((records, bad),) = counted
        contract = self._contracts[name]
        if records > bad:
            columns = ", ".join(
                _storable(f"{'' if one in ORIGIN else 'judged.'}{identifier(one)}", one, kind)
                for one, kind in self._columns[contract.table].items()
            )
            self._copy(contract.table, f"select {columns} {rows} and _reason is null")
        if bad:
            problems = f"""
                select _load_id, landed.source, landed.stream, _source_file as file, _line as line,
                    {_storable("_field", "field")}, {_storable("_value", "value")},
                    {_storable("_reason", "reason")}, {_storable("_payload", "text")}, _loaded_at
                {rows} and _reason is not null order by all
            """
            self._copy("quarantine", problems)

    def reject_wrong_files(self) -> None:
        """Reject files in which no record has a place for a needed value."""
        # A corrected record doesn't represent a file.
        replays = f"select _number from landed where starts_with(file, '{REPLAYED}')"
        single = {number for (number,) in self._con.execute(replays).fetchall()}
        for number, problem, is_wrong in self._needed.wrong_files(self._session):
            if number not in single:
                (self.reject if is_wrong else self.note)(number, problem)

    def _copy(self, table: str, sql: str) -> None:
        parts = self._parts.setdefault(table, [])
        parts.append(self._parts_folder / f"{table}-{len(parts)}.parquet")
        self._con.execute(f"copy ({sql}) to {literal(str(parts[-1]))} (format parquet)")

    def commit(self, condition: str = "true") -> None:
        """Append the rows, then commit the loads that meet the condition."""
        if self._parts:
            append(self._session, self._parts, self._columns)
            self._note_quarantined()
            shutil.rmtree(self._parts_folder)
        new = f"select {', '.join(LOADS)} from landed where {condition}"
        if self._con.execute(f"{new} limit 1").fetchall():
            replaced = [one for (one,) in self._con.execute(REPLACED).fetchall()]
            self._session.add_loads(new, replaced)
        if self._con.execute("select 1 from landed limit 1").fetchall():
            delete_leftovers(self._session, self._contracts.values())
        rows = self._con.execute(
            "select name, sum(rows_loaded)::bigint, sum(rows_quarantined)::bigint from landed "
            "group by name order by name"
        ).fetchall()
        self.report.rows_by_stream = {name: loaded for name, loaded, _ in rows}
        self.report.rows_loaded = sum(loaded for _, loaded, _ in rows)
        self.report.rows_quarantined = sum(quarantined for _, _, quarantined in rows)

    def _note_quarantined(self) -> None:
        """Report the first problems; those of a rejected file belong to no load."""
        if files := [str(path) for path in self._parts.get("quarantine", [])]:
            shown = self._con.execute(
                "select file, line, field, value, reason from read_parquet($files) semi join "
                f"landed using (_load_id) order by file, line limit {SHOWN_PROBLEMS}",
                {"files": files},
            ).fetchall()
            self.report.quarantined = [Problem(*row) for row in shown]


def _storable(value: str, name: str, kind: str = "varchar") -> str:
    """The value as a column; in text, U+FFFD replaces NUL, which PostgreSQL can't store."""
    stored = (
        f"replace({value}, chr(0), '\N{REPLACEMENT CHARACTER}')" if kind == "varchar" else value
    )
    return f"{stored} as {identifier(name)}"
