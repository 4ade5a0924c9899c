"""Any file becomes rows of one relation: `batch(file_number, line, text, reason, field, value)`.

`text` is one record as JSON, or, where `reason` is set, the original text of what could not be
read. DuckDB reads JSON, CSV and Parquet; only documents for people (YAML, Markdown) are read by
Python, one document at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract
from orchestration.loader.csv_rows import read_header, records_sql
from orchestration.loader.expressions import json_steps, literal
from orchestration.loader.files import (
    BLOCK_BYTES,
    LandedFile,
    Shape,
    UnreadableFileError,
    plain_file,
    shape,
)
from orchestration.loader.lines import is_blank, read_lines, without_end

MAX_RECORD_BYTES = 64 * 1024 * 1024
# To parse one takes ten times its size in memory.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
NOT_JSON = "is not JSON; correct the line and load the file again"

DOCUMENT_LINES = pa.schema(
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
    if file.problem:
        raise UnreadableFileError(file.problem)
    kind = shape(file)
    insert = f"insert into batch (file_number, line, text, reason) select {file_number},"
    try:
        if kind == "python":
            _append_documents(con, file, file_number, readers)
        elif kind == "lines":
            # A blank line is no record.
            read_lines(
                con,
                file.path,
                f"""
                {insert} line, {without_end("text")},
                    case
                        when reason is not null then reason
                        when not json_valid(text) then {literal(NOT_JSON)}
                    end
                from lines
                where not {is_blank("text")} or reason is not null
                """,
            )
        elif kind == "csv":
            read_lines(con, file.path, "create or replace temp table lines as select * from lines")
            delimiter, names, header_line = read_header(con)
            _check_header(file.contract, names)
            con.execute(f"{insert} * from ({records_sql(con, delimiter, names, header_line)})")
        else:
            with plain_file(file.path) as path:
                con.execute(f"{insert} {_records(con, file, kind, path)}", {"path": str(path)})
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise UnreadableFileError(f"{_message(error, file)}; export it again") from error
    except OSError as error:
        raise UnreadableFileError(f"can't be read ({error})") from error
    finally:
        con.execute("drop table if exists lines")


def _records(con: duckdb.DuckDBPyConnection, file: LandedFile, kind: Shape, path: Path) -> str:
    """`line, text, null from` the records of a JSON document or of a Parquet file."""
    if kind == "parquet":
        described = con.execute("select * from read_parquet($path) limit 0", {"path": str(path)})
        _check_header(file.contract, [column[0] for column in described.description or []])
        return """
            row_number() over (), to_json(record)::varchar, null
            from (select * from read_parquet($path)) as record
        """
    if path.stat().st_size > MAX_DOCUMENT_BYTES and kind == "document":
        raise UnreadableFileError(
            f"is one JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MB; write it as an "
            "array, or one record a line"
        )
    # DuckDB reserves twice this for each thread.
    most = MAX_RECORD_BYTES if kind == "array" else max(path.stat().st_size, BLOCK_BYTES)
    layout = "array" if kind == "array" else "unstructured"
    return f"""
        row_number() over (), json::varchar, null
        from read_json_objects($path, format = '{layout}', maximum_object_size = {most})
    """


def _append_documents(
    con: duckdb.DuckDBPyConnection, file: LandedFile, file_number: int, readers: Readers
) -> None:
    reader = file.contract.reader or ""
    if reader not in readers:
        known = ", ".join(readers) or "none"
        raise UnreadableFileError(
            f"{file.contract.defined_in} names reader '{reader}'; known: {known}"
        )
    lines = [
        {"line": r.line, "text": r.text, "reason": r.reason, "field": r.field, "value": r.value}
        for r in readers[reader](file.path)
    ]
    con.register("document_lines", pa.Table.from_pylist(lines, schema=DOCUMENT_LINES))
    con.execute(f"insert into batch select {file_number}, * from document_lines")
    con.unregister("document_lines")


def _check_header(contract: Contract, header: list[str]) -> None:
    """A file whose header lacks a required column is the wrong file: none of it is loaded."""
    for column in contract.columns:
        roots = [json_steps(path)[0] for path in column.paths]
        if column.required and not any(root in header for root in roots):
            raise UnreadableFileError(
                f"its header has no '{roots[-1]}' (it has: {', '.join(header[:20])}); export that "
                f"column, or name the right one in {contract.defined_in}"
            )


def _message(error: Exception, file: LandedFile) -> str:
    """The first line of what DuckDB says, of the file and not of its plain copy."""
    first_line = re.sub(r"[^\s\"']*/paydown-\w+/file", file.path.name, str(error).splitlines()[0])
    return first_line[:300].rstrip(" .")
