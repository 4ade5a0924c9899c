"""What a load of files and a replay of records share: `batch` is judged by a contract, and becomes
Parquet files, raw rows, and rows of `raw.loads`.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.loader.contract import Contract, ContractError
from orchestration.loader.expressions import identifier, literal
from orchestration.loader.project import MAX_QUARANTINED_TEXT, envelopes_sql, project_sql
from orchestration.loader.raw import (
    QUARANTINE,
    Part,
    append,
    arrow_schema,
    execute,
    raw_columns,
    write_loads,
)
from orchestration.loader.read import new_batch
from orchestration.loader.report import LoadReport

# What DuckDB says of SQL that is wrong, as against a full disk or memory.
CONTRACT_ERRORS = (duckdb.ProgrammingError, duckdb.DataError)

# What the rows of a file number take from their load. No contract's column begins with `_`.
LANDED = pa.schema(
    [
        ("_number", pa.int32()),
        ("_load_id", pa.string()),
        ("_source_file", pa.string()),
        ("_loaded_at", pa.timestamp("us")),
        ("_is_split", pa.bool_()),
    ]
)
Loads = Mapping[int, dict[str, Any]]


@dataclass
class Load:
    """One pass over a connection to the warehouse; `parts` and `loads` wait to be committed.

    Rows of the loads in `abandoned` are in the parts, and are deleted before the commit.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    report: LoadReport = field(default_factory=LoadReport)
    loads: list[dict[str, Any]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    abandoned: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        shutil.rmtree(self._parts_folder, ignore_errors=True)
        self._parts_folder.mkdir(parents=True)
        # Parquet files of columns that are known to hold no null would be rewritten by dlt.
        self.con.execute("set disabled_optimizers = 'statistics_propagation'")

    @property
    def _parts_folder(self) -> Path:
        return self.folder / "parts"

    def check(self, contracts: Mapping[str, Contract]) -> None:
        """Refuse what only the engine knows to be wrong, such as a rule or a format.

        Raises:
            ContractError: for the first contract with which nothing can be read.
        """
        new_batch(self.con)
        self._number({}, {}, ())
        for contract in contracts.values():
            try:
                self.con.execute(f"explain {project_sql(contract, envelopes=True)}")
            except CONTRACT_ERRORS as error:
                raise _contract_error(contract, error) from error

    def judge(self, contract: Contract, loads: Loads, split: Collection[int] = ()) -> None:
        """Create `judged` from the rows of `batch` with these file numbers, of which `split` are
        of files that have more than this batch.

        Its columns: those of the contract, _file_number, _line, _payload, _reason, _field, _value.

        Raises:
            ContractError: for a contract with which they can't be read.
        """
        self._number(loads, {}, split)
        names = "".join(f"{identifier(column.name)}, " for column in contract.columns)
        try:
            envelopes = bool(self.con.execute(f"{envelopes_sql(contract)} limit 1").fetchall())
            self.con.execute(
                f"""
                create or replace temp table judged as
                select {names} _file_number, _line, _reason, _field, _value,
                    case when _reason is null then _text else left(_text, {MAX_QUARANTINED_TEXT})
                    end as _payload
                from ({project_sql(contract, envelopes=envelopes)})
                """
            )
        except CONTRACT_ERRORS as error:
            raise _contract_error(contract, error) from error

    def write(
        self, contract: Contract, loads: Loads, files: Mapping[int, str] | None = None
    ) -> None:
        """Write the rows in `judged` of these file numbers, and count them in `loads`.

        Rows name the load's file as theirs, or the one in `files`.
        """
        self._number(loads, files or {}, ())
        counts = self.con.execute(
            "select _file_number, count(*), count(*) - count(_reason) "
            "from judged semi join landed on _file_number = _number group by all"
        ).fetchall()
        for number, records, good in counts:
            loads[number]["records"] += records
            loads[number]["rows_loaded"] += good
            loads[number]["rows_quarantined"] += records - good
        if any(good for _, _, good in counts):
            part = self._new_part(contract.table, raw_columns(contract))
            names = ", ".join(identifier(name) for name in part.columns)
            self.con.execute(
                f"copy (select {names} from judged inner join landed on _file_number = _number "
                f"where _reason is null) to {literal(str(part.file))} (format parquet)"
            )
        if any(records > good for _, records, good in counts):
            self._write_problems(contract)

    def _write_problems(self, contract: Contract) -> None:
        problems = self.con.sql(
            """
            select _load_id, $source as source, $stream as stream, _source_file as file,
                _line as line,
                _field as field, _value as value, _reason as reason, _payload as text, _loaded_at
            from judged inner join landed on _file_number = _number
            where _reason is not null
            order by _source_file, _line
            """,
            params={"source": contract.source, "stream": contract.stream},
        ).to_arrow_table()
        part = self._new_part("quarantine", QUARANTINE)
        problems = problems.cast(arrow_schema(QUARANTINE))
        pq.write_table(problems, part.file)
        self.report.show(problems)

    def _new_part(self, table: str, columns: Mapping[str, str]) -> Part:
        file = self._parts_folder / f"{len(self.parts)}.parquet"
        self.parts.append(Part(table, columns, file))
        return self.parts[-1]

    def _number(self, loads: Loads, files: Mapping[int, str], split: Collection[int]) -> None:
        """Create `landed`."""
        landed = [
            {
                "_number": number,
                "_load_id": row["_load_id"],
                "_source_file": files.get(number, row["file"]),
                "_loaded_at": row["_loaded_at"],
                "_is_split": number in split,
            }
            for number, row in loads.items()
        ]
        self.con.register("landed_files", pa.Table.from_pylist(landed, schema=LANDED))
        self.con.execute("create or replace temp table landed as select * from landed_files")
        self.con.unregister("landed_files")

    def commit(self) -> None:
        """Append the parts, then make the loads count."""
        if self.parts:
            append(self.con, self.folder, self.parts)
            shutil.rmtree(self._parts_folder)
        ids = ", ".join(literal(one) for one in sorted(self.abandoned))
        for table in {part.table for part in self.parts} if ids else ():
            execute(self.con, f"delete from raw.{identifier(table)} where _load_id in ({ids})")
        write_loads(self.con, self.loads)
        by_stream = self.report.rows_by_stream
        for row in self.loads:
            name = f"{row['source']}.{row['stream']}"
            by_stream[name] = by_stream.get(name, 0) + row["rows_loaded"]
            self.report.rows_loaded += row["rows_loaded"]
            self.report.rows_quarantined += row["rows_quarantined"]


def new_load(contract: Contract, name: str, status: str, **facts: Any) -> dict[str, Any]:
    """A row of `raw.loads`, of a load that has found nothing yet."""
    return {
        "_load_id": uuid.uuid4().hex,
        "source": contract.source,
        "stream": contract.stream,
        "file": name,
        "sha256": "",
        "size_bytes": 0,
        "status": status,
        "records": 0,
        "rows_loaded": 0,
        "rows_quarantined": 0,
        "problem": None,
        "contract": contract.fingerprint,
        "_loaded_at": datetime.now(UTC).replace(tzinfo=None),
        **facts,
    }


def _contract_error(contract: Contract, error: duckdb.Error) -> ContractError:
    """What DuckDB found wrong in a contract's SQL, for the person who wrote the contract."""
    what = str(error).splitlines()[0]
    return ContractError(
        f"{contract.defined_in}: source {contract.name}: one of its rules, formats, paths or "
        f"captures can't be used: {what}; correct it"
    )
