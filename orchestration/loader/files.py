"""Which files there are, what they are, and which have been loaded."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError

Shape = Literal["lines", "array", "document", "csv", "parquet", "python"]

HEAD_BYTES = 65_536
BLOCK_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
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
    """A file of a stream. `name` is stable across machines: its path below the landing folder,
    or, elsewhere, the root's name and the path below it.

    `problem` says why the file must not or can't be opened; its hash is then empty.
    """

    contract: Contract
    path: Path
    name: str
    sha256: str
    size_bytes: int
    problem: str | None = None


def landed_files(contract: Contract, roots: Mapping[str, Path]) -> Iterator[LandedFile]:
    """The stream's files, by name. A pattern is `<root>:<glob>`, the roots are given.

    Raises:
        ContractError: for a root that there isn't.
    """
    seen: set[Path] = set()
    for pattern in contract.files:
        root_name, _, glob = pattern.partition(":")
        if root_name not in roots:
            raise ContractError(
                f"{contract.defined_in}: source {contract.name}: files '{pattern}' begin at "
                f"'{root_name}', which is none of {', '.join(roots)}"
            )
        root = roots[root_name]
        for path in sorted(root.glob(glob)):
            below = path.relative_to(root)
            hidden = any(part.startswith(".") for part in below.parts)
            if path in seen or hidden or not path.is_file():
                continue
            seen.add(path)
            name = below if root_name == "landing" else root_name / below
            # A name may be any bytes; what isn't UTF-8 in it is shown as \xNN.
            text = os.fsencode(name.as_posix()).decode(errors="backslashreplace")
            yield _landed(contract, path, text, root)


def _landed(contract: Contract, path: Path, name: str, root: Path) -> LandedFile:
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            problem = f"is a link to {path.resolve()}, outside {root}; put the file itself there"
        else:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            return LandedFile(contract, path, name, digest, path.stat().st_size)
    except OSError as error:
        problem = f"can't be opened ({error.strerror}); let the loader's user read it"
    return LandedFile(contract, path, name, "", 0, problem)


def compression(path: Path) -> str | None:
    """DuckDB's and Arrow's name for the file's compression, None for a plain file."""
    return COMPRESSION.get(path.suffix.lower())


def shape(file: LandedFile) -> Shape:
    """How the file's records are laid out, from its name and its first bytes.

    Raises:
        UnreadableFileError: for a name ending we don't know, a broken archive or binary data.
    """
    suffixes = [s.lower() for s in file.path.suffixes if s.lower() not in COMPRESSION]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (".json", *SHAPES):
        if file.contract.reader:
            return "python"
        raise UnreadableFileError(
            f"'{suffix or file.path.name}' is not a kind of file that is read; "
            "rename it to .json, .ndjson, .csv or .parquet (each may end in .gz or .zst)"
        )
    if suffix == ".parquet":
        return "parquet"
    head = _head(file.path)
    if suffix in (".ndjson", ".jsonl"):
        return "lines"
    if not head.strip():
        raise UnreadableFileError("is empty; export it again, or delete it")
    return SHAPES.get(suffix) or _json_shape(head)


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
    with open_plain(path) as stream:
        head = stream.read(HEAD_BYTES)
    if _is_binary(head):
        raise UnreadableFileError(
            "holds binary data, not text; export it again as JSON, CSV or Parquet in UTF-8"
        )
    return head.removeprefix(BOM)


def _is_binary(head: bytes) -> bool:
    """A stray NUL or byte is one record's problem; of UTF-16, pictures or archives many are."""
    nulls = head.count(b"\0")
    odd = head.decode(errors="replace").count("\N{REPLACEMENT CHARACTER}")
    return nulls > 0 and (nulls + odd) * 10 > len(head)


@contextmanager
def open_plain(path: Path) -> Generator[Any]:
    """The file's bytes, decompressed. Unlike DuckDB's, Arrow's stream checks that an archive is
    whole, so the end of a cut one is not taken for the end of the file.

    Raises:
        UnreadableFileError: for a broken archive or file.
    """
    packed = compression(path)
    try:
        with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
            yield stream
    except OSError as error:
        if error.errno == errno.ENOSPC:  # The copy's disk is full, the file is fine.
            raise
        what = f"the {packed} file can't be decompressed" if packed else "can't be read"
        raise UnreadableFileError(f"{what} ({error}); export it again") from error


@contextmanager
def plain_file(path: Path) -> Generator[Path]:
    """A plain file with the same content, under a name in which DuckDB sees no wildcard."""
    with tempfile.TemporaryDirectory(prefix="paydown-") as folder:
        plain = Path(folder, "file")
        with path.open("rb") as file:
            has_bom = file.read(len(BOM)) == BOM
        if compression(path) or has_bom:
            with open_plain(path) as stream, plain.open("wb") as copy:
                head = stream.read(len(BOM))
                copy.write(b"" if head == BOM else head)
                shutil.copyfileobj(stream, copy, BLOCK_BYTES)
        else:
            plain.symlink_to(path.resolve())
        yield plain
