"""Any file becomes rows of one relation: `batch(file_number, line, text, reason, field, value)`.

`text` is one record as JSON, or, where `reason` is set, the original text of what could not be
read. DuckDB reads JSON, CSV and Parquet; only documents for people (YAML, Markdown) are read by
Python, one document at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract
from orchestration.loader.files import (
    LandedFile,
    Shape,
    UnreadableFileError,
    compression,
    shape,
)

MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
CSV_DELIMITERS = ",;\t|"
# A character that JSON text can't hold raw, so that a whole line is read as one column.
NO_DELIMITER = "chr(1)"

LINES = pa.schema(
    [
        ("line", pa.int64()),
        ("text", pa.string()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
    ]
)

Readers = Mapping[str, Callable[[Path], Iterator[Any]]]


def new_batch(con: duckdb.DuckDBPyConnection) -> None:
    """Create the empty temporary table `batch`."""
    con.execute(
        """
        create or replace temp table batch (
            file_number integer, line bigint, text varchar, reason varchar, field varchar,
            value varchar
        )
        """
    )


def append_batch(
    con: duckdb.DuckDBPyConnection, file: LandedFile, file_number: int, readers: Readers
) -> None:
    """Append the file's records to `batch`, under its number.

    Raises:
        UnreadableFileError: where nothing of the file can be trusted, with what to do about it.
    """
    kind = shape(file)
    try:
        if kind == "python":
            records = _read_documents(con, file, readers)
        elif kind == "lines":
            records = _read_lines(con, file.path)
        elif kind == "csv":
            records = _read_csv(con, file)
        elif kind == "parquet":
            records = _read_parquet(con, file)
        else:
            records = _read_json(con, file, kind)
        con.execute(f"insert into batch select {file_number}, {records}")
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0][:300]
        raise UnreadableFileError(f"{first_line}; export the file again") from error


def _read_lines(con: duckdb.DuckDBPyConnection, path: Path) -> str:
    con.execute(
        f"""
        create or replace temp table accepted as
        select row_number() over () as position, line as text
        from read_csv(
            $path, columns = {{'line': 'VARCHAR'}}, delim = {NO_DELIMITER},
            quote = '', escape = '', header = false, auto_detect = false, parallel = false,
            max_line_size = {MAX_LINE_BYTES}, buffer_size = {2 * MAX_LINE_BYTES},
            {_rejects(con)}, {_compression(path)}
        )
        """,
        {"path": str(path)},
    )
    _number_lines(con, first_line=1)
    # A blank line is no record. Text that isn't JSON is kept, with where it stands.
    return """
        line,
        text,
        case
            when reason is null and not json_valid(text)
                then 'is not JSON; fix the line and load the file again'
            else reason
        end,
        null, null
        from numbered
        where trim(coalesce(text, '')) != '' or reason is not null
    """


def _read_csv(con: duckdb.DuckDBPyConnection, file: LandedFile) -> str:
    with pa.input_stream(str(file.path), compression=compression(file.path)) as stream:
        header = stream.read(65_536).split(b"\n", 1)[0].decode("utf-8-sig", errors="replace")
    delimiter = max(CSV_DELIMITERS, key=header.count)
    rejects, packed = _rejects(con), _compression(file.path)
    source = f"""
        read_csv(
            $path, delim = $delimiter, quote = '"', escape = '"', header = true,
            all_varchar = true, auto_detect = true, sample_size = 1, parallel = false,
            strict_mode = true, {rejects}, {packed}
        )
    """
    parameters = {"path": str(file.path), "delimiter": delimiter}
    _check_header(file.contract, _column_names(con, source, parameters))
    rejects = _rejects(con)
    con.execute(
        f"""
        create or replace temp table accepted as
        select row_number() over () as position, to_json(record)::varchar as text
        from (select * from {source}) as record
        """,
        parameters,
    )
    _number_lines(con, first_line=2)
    return "line, text, reason, null, null from numbered"


def _read_parquet(con: duckdb.DuckDBPyConnection, file: LandedFile) -> str:
    parameters = {"path": str(file.path)}
    _check_header(file.contract, _column_names(con, "read_parquet($path)", parameters))
    con.execute(
        """
        create or replace temp table records as
        select row_number() over () as line, to_json(record)::varchar as text
        from (select * from read_parquet($path)) as record
        """,
        parameters,
    )
    return "line, text, null, null, null from records"


def _read_json(con: duckdb.DuckDBPyConnection, file: LandedFile, kind: Shape) -> str:
    layout = "array" if kind == "array" else "unstructured"
    con.execute(
        f"""
        create or replace temp table records as
        select row_number() over () as line, json::varchar as text
        from read_json_objects(
            $path, format = '{layout}', maximum_object_size = {MAX_DOCUMENT_BYTES},
            {_compression(file.path)}
        )
        """,
        {"path": str(file.path)},
    )
    return "line, text, null, null, null from records"


def _read_documents(con: duckdb.DuckDBPyConnection, file: LandedFile, readers: Readers) -> str:
    reader = file.contract.reader or ""
    if reader not in readers:
        raise UnreadableFileError(
            f"{file.contract.defined_in} names reader '{reader}'; known: {', '.join(readers)}"
        )
    lines = [
        {"line": r.line, "text": r.text, "reason": r.reason, "field": r.field, "value": r.value}
        for r in readers[reader](file.path)
    ]
    con.register("document_lines", pa.Table.from_pylist(lines, schema=LINES))
    return "* from document_lines"


def _number_lines(con: duckdb.DuckDBPyConnection, *, first_line: int) -> None:
    """Join `accepted` and the reader's rejects back to the lines they stood on.

    The n-th accepted record is the n-th line that was not rejected. A CSV record that spans
    several lines counts as one.
    """
    con.execute(
        f"""
        create or replace temp table numbered as
        with rejected as (
            select
                line,
                ltrim(first(csv_line), chr(10) || chr(13)) as text,
                string_agg(distinct error_message, '; ') as reason
            from batch_rejects
            group by line
        ),
        totals as (
            select (select count(*) from accepted) + (select count(*) from rejected) as records
        ),
        free_lines as (
            select lines.line, row_number() over (order by lines.line) as position
            from totals, unnest(range({first_line}, {first_line} + totals.records)) as lines(line)
            anti join rejected on rejected.line = lines.line
        )
        select free_lines.line, accepted.text, null::varchar as reason
        from accepted
        inner join free_lines on free_lines.position = accepted.position
        union all
        select
            line,
            text,
            case
                when reason like 'Expected Number of Columns: 1 %' then 'holds a control character'
                else reason
            end || '; correct the line and load the file again'
        from rejected
        """
    )


def _rejects(con: duckdb.DuckDBPyConnection) -> str:
    con.execute("drop table if exists batch_rejects; drop table if exists batch_reject_scans")
    return (
        "store_rejects = true, rejects_limit = 0, "
        "rejects_table = 'batch_rejects', rejects_scan = 'batch_reject_scans'"
    )


def _compression(path: Path) -> str:
    return f"compression = '{compression(path) or 'none'}'"


def _column_names(
    con: duckdb.DuckDBPyConnection, source: str, parameters: Mapping[str, str]
) -> list[str]:
    description = con.execute(f"select * from {source} limit 0", parameters).description
    return [column[0] for column in description or []]


def _check_header(contract: Contract, header: list[str]) -> None:
    """A file whose header lacks a required column is the wrong file: none of it is loaded."""
    for column in contract.columns:
        roots = [path.split(".")[0] for path in column.paths]
        if column.required and not any(root in header for root in roots):
            raise UnreadableFileError(
                f"its header has no '{roots[-1]}' (it has: {', '.join(header[:20])}); export that "
                f"column, or name the right one in {contract.defined_in}"
            )
