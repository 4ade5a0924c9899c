"""Which files exist, which bytes they hold, and how their records are laid out."""

from __future__ import annotations

import codecs
import errno
import hashlib
import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from orchestration.loader.contract import Contract, ContractError

Shape = Literal["lines", "array", "document", "csv", "parquet", "python"]

HEAD_BYTES = 65_536
BLOCK_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
COMPRESSION = {".gz": "gzip", ".zst": "zstd"}
SHAPES: dict[str, Shape] = {
    ".ndjson": "lines",
    ".jsonl": "lines",
    ".csv": "csv",
    ".parquet": "parquet",
}
# Within it a file could be rewritten without a change of its times, whose clock ticks slowly.
SETTLING_SECONDS = 5


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


class Hashes:
    """SHA-256 of files, kept in a JSON file, so that only a file that changed is read for it.

    A file counts as unchanged while its size, times of modification and of change, and inode are
    the same.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._used: dict[str, list[Any]] = {}
        try:
            self._kept: dict[str, list[Any]] = json.loads(store.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._kept = {}

    def of(self, path: Path) -> str:
        """The hash in hexadecimal digits.

        Raises:
            OSError: the file can't be read.
        """
        state = _state(path)
        key = str(path)
        kept = self._used.get(key) or self._kept.get(key)
        if kept and kept[1:] == state:
            self._used[key] = kept
            return kept[0]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        _, modified, changed, _ = state
        is_settled = time.time_ns() - max(modified, changed) > SETTLING_SECONDS * 10**9
        if is_settled and _state(path) == state:
            self._used[key] = [digest, *state]
        return digest

    def save(self) -> None:
        """Keep the hashes of the files that were asked for, and no others."""
        if self._used != self._kept:
            fresh = self._store.with_suffix(".new")
            fresh.write_text(json.dumps(self._used), encoding="utf-8")
            fresh.replace(self._store)


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


class Finder:
    """Finds the files of streams below the roots; several streams may read one file."""

    def __init__(self, roots: Mapping[str, Path], hashes: Hashes) -> None:
        self._roots = roots
        self._hashes = hashes
        self._found: dict[str, list[tuple[Path, str, str, int, str | None]]] = {}
        self._unlisted: dict[str, dict[str, str]] = {}

    def files(self, contract: Contract) -> Iterator[LandedFile]:
        """The stream's files, by pattern and name. A pattern is `<root>:<glob>`.

        Raises:
            ContractError: for a root that doesn't exist.
        """
        seen: set[Path] = set()
        for pattern in contract.files:
            root_name = pattern.partition(":")[0]
            if root_name not in self._roots:
                raise ContractError(
                    f"{contract.defined_in}: source {contract.name}: files '{pattern}' begin at "
                    f"'{root_name}', which is none of {', '.join(self._roots)}"
                )
            if pattern not in self._found:
                self._found[pattern] = list(self._matching(pattern))
            for found in self._found[pattern]:
                if found[0] not in seen:
                    seen.add(found[0])
                    yield LandedFile(contract, *found)

    def unlisted(self, contract: Contract) -> dict[str, str]:
        """Folders of the stream that can't be listed, by name, with the problem and the fix.

        What is in them is not known, so nothing may be concluded from files that weren't found.
        """
        problems: dict[str, str] = {}
        for pattern in contract.files:
            if pattern not in self._unlisted:
                self._unlisted[pattern] = self._walk(pattern)
            problems |= self._unlisted[pattern]
        return problems

    def _walk(self, pattern: str) -> dict[str, str]:
        root_name, _, glob = pattern.partition(":")
        root = self._roots[root_name]
        problems: dict[str, str] = {}

        def report(error: OSError) -> None:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                return
            below = Path(error.filename).relative_to(root)
            name = below if root_name == "landing" else root_name / below
            problems[name.as_posix()] = (
                f"is a folder that can't be listed ({error.strerror}); let the loader's user read "
                "it. What was loaded from it stays until then"
            )

        fixed = takewhile(lambda part: "*" not in part, Path(glob).parts[:-1])
        begin = root.joinpath(*fixed)
        for folder, below, _ in os.walk(begin, onerror=report):
            is_deep = "**" in glob or Path(folder) == begin
            below[:] = [name for name in below if is_deep and not name.startswith(".")]
        return problems

    def _matching(self, pattern: str) -> Iterator[tuple[Path, str, str, int, str | None]]:
        root_name, _, glob = pattern.partition(":")
        root = self._roots[root_name]
        inside: dict[Path, bool] = {}
        for path in sorted(root.glob(glob)):
            below = path.relative_to(root)
            if any(part.startswith(".") for part in below.parts) or not path.is_file():
                continue
            name = below if root_name == "landing" else root_name / below
            # A name may be any bytes; what isn't UTF-8 in it is shown as \xNN.
            text = os.fsencode(name.as_posix()).decode(errors="backslashreplace")
            place = path if path.is_symlink() else path.parent
            if place not in inside:
                inside[place] = place.resolve().is_relative_to(root.resolve())
            sha256, size, problem = "", 0, None
            try:
                if inside[place]:
                    sha256, size = self._hashes.of(path), path.stat().st_size
                else:
                    problem = (
                        f"is a link to {path.resolve()}, outside {root}; put the file itself there"
                    )
            except OSError as error:
                problem = f"can't be opened ({error.strerror}); let the loader's user read it"
            yield path, text, sha256, size, problem


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
    """The file's bytes, decompressed, and as UTF-8 where a mark says UTF-16. Unlike DuckDB's,
    Arrow's stream checks that an archive is whole, so that no cut one is taken for complete.

    Raises:
        UnreadableFileError: for a broken archive or file.
    """
    packed = compression(path)
    try:
        with path.open("rb") as file, pa.input_stream(file, compression=packed) as stream:
            buffered = io.BufferedReader(stream, BLOCK_BYTES)
            is_utf16 = buffered.peek(2)[:2] in UTF16_MARKS
            yield codecs.EncodedFile(buffered, "utf-8", "utf-16") if is_utf16 else buffered
    except UnicodeError as error:
        raise UnreadableFileError(f"is not UTF-16 as its mark says ({error})") from error
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
            head = file.read(len(BOM))
            has_bom = head == BOM or head[:2] in UTF16_MARKS
        if compression(path) or has_bom:
            with open_plain(path) as stream, plain.open("wb") as copy:
                head = stream.read(len(BOM))
                copy.write(b"" if head == BOM else head)
                shutil.copyfileobj(stream, copy, BLOCK_BYTES)
        else:
            plain.symlink_to(path.resolve())
        yield plain
