"""Encodings whose bytes depend on nothing but the records: no clock, no file name, no set order."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Json = dict[str, Any]


def compact(record: Json) -> str:
    """One record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def ndjson(records: list[Json]) -> bytes:
    """One record a line."""
    return "".join(compact(record) + "\n" for record in records).encode()


def array(records: list[Json]) -> bytes:
    """A plain JSON array, a record a line so that a difference can be read."""
    return ("[\n" + ",\n".join(map(compact, records)) + "\n]\n").encode()


def envelope(key: str, records: list[Json], **around: Any) -> bytes:
    """What a list endpoint answers: the records under `key` and the page's own fields after it."""
    rest = "".join(f",\n{json.dumps(name)}:{json.dumps(value)}" for name, value in around.items())
    body = ",\n".join(map(compact, records))
    return f'{{"{key}":[\n{body}\n]{rest}}}\n'.encode()


def csv_lines(header: list[str], rows: list[list[str]]) -> bytes:
    """A CSV file with Unix line ends."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def gz(content: bytes) -> bytes:
    """gzip without a time stamp or a name in its header."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def zst(content: bytes) -> bytes:
    """One Zstandard frame."""
    return zstandard.ZstdCompressor(level=19).compress(content)


def parquet(records: list[Json]) -> bytes:
    """A flat Parquet table; '' becomes null."""
    rows = [
        {name: None if value == "" else value for name, value in row.items()} for row in records
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="snappy")
    return sink.getvalue()


def decompressed(name: str, content: bytes) -> bytes:
    """What was compressed, by the name's last suffix; other files as they are."""
    if name.endswith(".gz"):
        return gzip.decompress(content)
    return zstandard.ZstdDecompressor().decompress(content) if name.endswith(".zst") else content


def decoded(name: str, content: bytes) -> object:
    """What a file says, whichever build of a compressor or of Parquet wrote it."""
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        return [str(one.type) for one in table.schema], table.to_pylist()
    return decompressed(name, content)
