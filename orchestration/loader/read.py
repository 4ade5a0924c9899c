"""Any file becomes rows of `batch(file_number, line, text, reason, field, value)`, piece by piece.

`text` is one record as JSON, or, where `reason` is set, the original text of what could not be
read. DuckDB reads JSON, CSV and Parquet; only documents for people (YAML, Markdown) are read by
Python, one document at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract
from orchestration.loader.csv_rows import CsvRows
from orchestration.loader.expressions import json_steps, literal
from orchestration.loader.files import (
    BLOCK_BYTES,
    LandedFile,
    Shape,
    UnreadableFileError,
    open_plain,
    plain_file,
    shape,
)
from orchestration.loader.lines import (
    TEXTS,
    is_blank,
    read_lines,
    texts,
    without_end,
    without_half_pairs,
)

# Text that is handled together: a batch takes some three times as much memory.
PIECE_BYTES = 64 * 1024 * 1024
MAX_RECORD_BYTES = 64 * 1024 * 1024
# To parse one takes ten times its size in memory.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
ROWS_AT_A_TIME = 2_048
NOT_JSON = "is not JSON; correct the line and load the file again"

DOCUMENT_LINES = pa.schema([*TEXTS, ("field", pa.string()), ("value", pa.string())])
JSON_LINES = f"""
    with lines as (
        select
            file_number,
            line + generate_subscripts(texts, 1) - 1 as line, unnest(texts) as text, reason
        from (select file_number, line, reason, string_split(text, chr(10)) as texts from piece)
    )
    select
        file_number, line, {without_end("text")} as text,
        case
            when reason is not null then reason
            when not json_valid(text) then {literal(NOT_JSON)}
        end as reason
    from lines
    where not {is_blank("text")} or reason is not null
"""

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
    con: duckdb.DuckDBPyConnection,
    file: LandedFile,
    file_number: int,
    readers: Readers,
    waiting: list[pa.Table],
) -> Iterator[tuple[int, bool]]:
    """Append the file's records to `batch`, under its number: a piece of the file each time.

    Lines are added to `waiting` instead, for `append_lines`: one statement for many small files.
    Yields the bytes of the piece, and whether it is the last one.

    Raises:
        UnreadableFileError: where nothing of the file can be trusted, with what to do about it;
            pieces may have been appended before.
    """
    if file.problem:
        raise UnreadableFileError(file.problem)
    try:
        previous = 0
        for number, (piece, sql) in enumerate(_pieces(con, file, readers)):
            if number:
                yield previous, False
            if sql is None:
                numbers = pa.repeat(pa.scalar(file_number, pa.int32()), piece.num_rows)
                waiting.append(piece.append_column("file_number", numbers))
            else:
                con.register("piece", piece)
                sql = f"insert into batch by name select {file_number} as file_number, * {sql}"
                con.execute(sql)
                con.unregister("piece")
            previous = piece.nbytes
        yield previous, True
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise UnreadableFileError(f"{_message(error, file)}; export it again") from error
    except OSError as error:
        raise UnreadableFileError(f"can't be read ({error})") from error


def append_lines(con: duckdb.DuckDBPyConnection, waiting: list[pa.Table]) -> None:
    """Append the lines that are waiting to `batch`."""
    if waiting:
        con.register("piece", pa.concat_tables(waiting))
        con.execute(f"insert into batch by name {JSON_LINES}")
        con.unregister("piece")
        waiting.clear()


def _pieces(
    con: duckdb.DuckDBPyConnection, file: LandedFile, readers: Readers
) -> Iterator[tuple[pa.Table, str | None]]:
    """Tables to be registered as `piece`, and the end of `select ...` that reads them; None for
    lines, which need no SQL of their own.
    """
    kind = shape(file)
    if kind == "python":
        yield _documents(file, readers), "from piece"
    elif kind == "lines":
        with open_plain(file.path) as stream:
            for piece in _gathered(map(texts, read_lines(stream))):
                yield piece, None
    elif kind == "csv":
        with open_plain(file.path) as stream:
            rows = CsvRows(read_lines(stream))
            _check_header(file.contract, rows.names)
            for piece in _gathered(map(texts, rows.rows())):
                yield piece, f"from ({rows.sql()})"
    else:
        with (
            plain_file(file.path) as plain,
            _json_of(kind, plain) as path,
            con.cursor() as reading,
        ):
            # Elsewhere the order of rows is of no consequence, and keeping it costs memory.
            reading.execute("set preserve_insertion_order = true")
            try:
                sql = _records(reading, file, kind, path)
                rows = reading.sql(sql, params={"path": str(path)}).to_arrow_reader(ROWS_AT_A_TIME)
                for piece in _gathered(pa.Table.from_batches([batch]) for batch in rows):
                    yield piece, "from piece"
            except OSError as error:  # So Arrow wraps what DuckDB raises while it streams.
                if "Out of Memory Error" in str(error):
                    raise duckdb.OutOfMemoryException(str(error)) from error
                raise duckdb.InvalidInputException(str(error)) from error
            finally:
                reading.execute("set preserve_insertion_order = false")


def _json_of(kind: Shape, path: Path) -> AbstractContextManager[Path]:
    return nullcontext(path) if kind == "parquet" else without_half_pairs(path)


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The tables, as few as make pieces of `PIECE_BYTES`."""
    some: list[pa.Table] = []
    size = 0
    for one in tables:
        some.append(one)
        size += one.nbytes
        if size >= PIECE_BYTES:
            yield pa.concat_tables(some)
            some, size = [], 0
    if some:
        yield pa.concat_tables(some)


def _records(con: duckdb.DuckDBPyConnection, file: LandedFile, kind: Shape, path: Path) -> str:
    """`line, text` of the records of a JSON document or of a Parquet file."""
    if kind == "parquet":
        described = con.execute("select * from read_parquet($path) limit 0", {"path": str(path)})
        _check_header(file.contract, [column[0] for column in described.description or []])
        return """
            select row_number() over () as line, to_json(record)::varchar as text
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
        select row_number() over () as line, json::varchar as text
        from read_json_objects($path, format = '{layout}', maximum_object_size = {most})
    """


def _documents(file: LandedFile, readers: Readers) -> pa.Table:
    reader = file.contract.reader or ""
    if reader not in readers:
        known = ", ".join(readers) or "none"
        raise UnreadableFileError(
            f"{file.contract.defined_in} names reader '{reader}'; known: {known}"
        )
    lines = [
        {name: getattr(line, name) for name in DOCUMENT_LINES.names}
        for line in readers[reader](file.path)
    ]
    return pa.Table.from_pylist(lines, schema=DOCUMENT_LINES)


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
