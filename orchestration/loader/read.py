"""Reads any file into tables of `line, text, reason, field, value` per record, piece by piece.

`text` is one record as JSON, or, if `reason` is set, the original text of what could not be read.
DuckDB reads JSON and Parquet; only documents for people (YAML, Markdown) are read by Python, one
document at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from orchestration.loader.contract import Contract
from orchestration.loader.csv_rows import CsvRows
from orchestration.loader.expressions import json_steps
from orchestration.loader.kinds import looks_like
from orchestration.loader.text import (
    BLOCK_BYTES,
    COMPRESSION,
    HEAD_BYTES,
    IS_CP1252,
    UnreadableFileError,
    is_unicode,
    open_plain,
    plain_file,
    read_lines,
)

Shape = Literal["lines", "array", "document", "csv", "parquet", "python"]

MAX_RECORD_BYTES = 64 * 1024 * 1024
# Parsing one takes ten times its size in memory.
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
ROWS_AT_A_TIME = 2_048
SHAPES: dict[str, Shape] = {
    ".ndjson": "lines",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
}
PIECE = pa.schema(
    [
        ("line", pa.int64()),
        ("text", pa.string()),
        ("reason", pa.string()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("is_line", pa.bool_()),  # Not yet known to be JSON, or to have any content.
    ]
)

Readers = Mapping[str, Callable[[Path], Iterator[Any]]]


def read_file(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    contract: Contract,
    readers: Readers,
    notes: list[str] | None = None,
) -> Iterator[pa.Table]:
    """The file's records, with the columns of `PIECE`. Remarks about a file that was read are added
    to `notes`.

    Raises:
        UnreadableFileError: nothing in the file can be trusted; with what to do about it. Pieces
            may have been yielded before.
    """
    try:
        for piece in _pieces(con, path, contract, readers, [] if notes is None else notes):
            for column in PIECE:
                if column.name not in piece.column_names:
                    piece = piece.append_column(column, pa.nulls(len(piece), column.type))
            yield piece.select(PIECE.names).cast(PIECE)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        # Its first line, with the file's name, not that of its plain copy.
        reason = re.sub(r"[^\s\"']*/paydown-\w+/\w+", path.name, str(error).splitlines()[0])
        raise UnreadableFileError(f"{reason[:300].rstrip(' .')}; export it again") from error
    except OSError as error:
        raise UnreadableFileError(f"can't be read ({error})") from error


def _pieces(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    contract: Contract,
    readers: Readers,
    notes: list[str],
) -> Iterator[pa.Table]:
    kind = _shape(path, contract)
    if kind == "python":
        yield _documents(path, contract, readers)
        if not is_unicode(path):
            notes.append(IS_CP1252)
    elif kind == "lines":
        with open_plain(path) as stream:
            for first, lines, reason in read_lines(stream, is_json=True):
                numbers = pa.array(range(first, first + len(lines)), pa.int64())
                reasons = pa.repeat(pa.scalar(reason, pa.string()), len(lines))
                is_line = pa.repeat(True, len(lines))
                yield pa.table(
                    {"line": numbers, "text": lines, "reason": reasons, "is_line": is_line}
                )
    elif kind == "csv":
        with open_plain(path) as stream:
            rows = CsvRows(read_lines(stream, notes=notes))
            _check_header(contract, rows.names)
            yield from rows.pieces(con)
    else:
        with plain_file(path, is_json=kind != "parquet") as plain, con.cursor() as reading:
            yield from _records(reading, plain, kind, contract)


def _shape(path: Path, contract: Contract) -> Shape:
    """How the file's records are laid out, from its name and its first bytes."""
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in COMPRESSION]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (".json", *SHAPES):
        if contract.reader:
            return "python"
        raise UnreadableFileError(
            f"'{suffix or path.name}' is not a file type that is read; "
            "rename it to .json, .ndjson, .csv or .parquet (each may end in .gz or .zst)"
        )
    if suffix == ".parquet":
        return "parquet"
    with open_plain(path) as stream:
        head = stream.read(HEAD_BYTES)
    # A stray NUL or byte is one record's problem; pictures or archives have many.
    odd = head.count(b"\0") + head.decode(errors="replace").count("\N{REPLACEMENT CHARACTER}")
    if b"\0" in head and odd * 10 > len(head):
        raise UnreadableFileError(
            "holds binary data, not text; export it again as JSON, CSV or Parquet in UTF-8"
        )
    if SHAPES.get(suffix) == "lines":
        return "lines"
    if not head.strip():
        raise UnreadableFileError("is empty; export it again, or delete it")
    return SHAPES.get(suffix) or _json_shape(head.lstrip())


def _json_shape(text: bytes) -> Shape:
    if text.startswith(b"["):
        return "array"
    first, newline, _ = text.partition(b"\n")
    try:
        json.loads(first)
    except ValueError:
        return "document"
    return "lines" if newline else "document"


def _documents(path: Path, contract: Contract, readers: Readers) -> pa.Table:
    reader = readers.get(contract.reader or "")
    if reader is None:
        known = ", ".join(readers) or "none"
        raise UnreadableFileError(
            f"{contract.defined_in} names reader '{contract.reader}'; known: {known}"
        )
    lines = [{name: getattr(line, name, None) for name in PIECE.names} for line in reader(path)]
    return pa.Table.from_pylist(lines, schema=PIECE)


def _records(
    con: duckdb.DuckDBPyConnection, path: Path, kind: Shape, contract: Contract
) -> Iterator[pa.Table]:
    """The records of a JSON document or of a Parquet file."""
    size = path.stat().st_size
    if kind == "document" and size > MAX_DOCUMENT_BYTES:
        raise UnreadableFileError(
            f"is one JSON document of more than {MAX_DOCUMENT_BYTES >> 20} MB; write it as an "
            "array, or one record a line"
        )
    if kind == "array" and not _is_closed(path):
        raise UnreadableFileError("is cut off, its list has no end; export it again")
    if kind == "parquet":
        described = con.execute("select * from read_parquet($path) limit 0", {"path": str(path)})
        _check_header(contract, [column[0] for column in described.description or []])
        text, source = "to_json(record)", "(select * from read_parquet($path)) as record"
    else:
        # DuckDB reserves twice this for each thread.
        most = MAX_RECORD_BYTES if kind == "array" else max(size, BLOCK_BYTES)
        layout = "array" if kind == "array" else "unstructured"
        source = f"read_json_objects($path, format = '{layout}', maximum_object_size = {most})"
        text = "json"
    # Elsewhere the order of rows doesn't matter, and keeping it costs memory.
    con.execute("set preserve_insertion_order = true")
    try:
        sql = f"select row_number() over () as line, {text}::varchar as text from {source}"
        rows = con.sql(sql, params={"path": str(path)}).to_arrow_reader(ROWS_AT_A_TIME)
        for batch in rows:
            yield pa.Table.from_batches([batch])
    except OSError as error:  # How Arrow wraps DuckDB's errors while streaming.
        if "Out of Memory Error" in str(error):
            raise duckdb.OutOfMemoryException(str(error)) from error
        raise duckdb.InvalidInputException(str(error)) from error
    finally:
        con.execute("set preserve_insertion_order = false")


def _is_closed(path: Path) -> bool:
    """Whether a list ends; DuckDB accepts one that is cut off after a comma (2.0.0)."""
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        end = len(text)
        while end and text[end - 1] <= 32:
            end -= 1
        return text[end - 1 : end] == b"]"


def _check_header(contract: Contract, header: list[str]) -> None:
    """Rejects a file whose header lacks a required column: it is the wrong file."""
    for column in contract.columns:
        roots = [json_steps(path)[0] for path in column.paths]
        if column.required and not any(root in header for root in roots):
            raise UnreadableFileError(
                f"its header has no '{roots[-1]}' (it has: {', '.join(header[:20])}); "
                f"{looks_like(header, contract.name)}export that column, or name the right one in "
                f"{contract.defined_in}"
            )
