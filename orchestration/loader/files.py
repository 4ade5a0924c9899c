"""Which files there are, what they are, and which have been loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from orchestration.loader.contract import Contract

Shape = Literal["lines", "array", "document", "csv", "parquet", "python"]

HEAD_BYTES = 65_536
COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
SHAPES: dict[str, Shape] = {
    ".ndjson": "lines",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
}


class UnreadableFileError(Exception):
    """A file that can't be read at all; the message says why and what to do."""


@dataclass(frozen=True)
class LandedFile:
    """A file of a stream. `name` is its path below its root: stable across machines."""

    contract: Contract
    path: Path
    name: str
    sha256: str
    size_bytes: int


def landed_files(contract: Contract, roots: Mapping[str, Path]) -> Iterator[LandedFile]:
    """The stream's files, by name. A pattern is `<root>:<glob>`, the roots are given."""
    seen: set[Path] = set()
    for pattern in contract.files:
        root_name, _, glob = pattern.partition(":")
        root = roots[root_name]
        for path in sorted(root.glob(glob)):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if path in seen or hidden or not path.is_file():
                continue
            seen.add(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(root).as_posix()
            yield LandedFile(contract, path, name, digest, path.stat().st_size)


def compression(path: Path) -> str | None:
    """DuckDB's and Arrow's name for the file's compression, None for a plain file."""
    return COMPRESSION.get(path.suffix.lower())


def shape(file: LandedFile) -> Shape:
    """How the file's records are laid out, from its name and its first bytes.

    Raises:
        UnreadableFileError: for a name ending we don't know, a broken archive or binary data.
    """
    if file.contract.reader:
        return "python"
    suffixes = [s.lower() for s in file.path.suffixes if s.lower() not in COMPRESSION]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        return "parquet"
    head = _head(file.path)
    if suffix in SHAPES:
        return SHAPES[suffix]
    if suffix != ".json":
        raise UnreadableFileError(
            f"'{suffix or file.path.name}' is not a kind of file that is read; "
            "rename it to .json, .ndjson, .csv or .parquet (each may end in .gz or .zst)"
        )
    return _json_shape(head)


def _json_shape(head: bytes) -> Shape:
    text = head.lstrip()
    if text.startswith(b"["):
        return "array"
    first, newline, _ = text.partition(b"\n")
    if newline:
        try:
            json.loads(first)
        except ValueError:
            return "document"
        return "lines"
    return "document"


def _head(path: Path) -> bytes:
    try:
        with pa.input_stream(str(path), compression=compression(path)) as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise UnreadableFileError(
            f"the {compression(path) or 'file'} can't be decompressed ({error}); export it again"
        ) from error
    if b"\0" in head:
        raise UnreadableFileError(
            "holds binary data, not text; export it again as JSON, CSV or Parquet in UTF-8"
        )
    return head
