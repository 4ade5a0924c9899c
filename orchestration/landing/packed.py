"""A compressed file of JSON records, one per line, that is durable once closed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

# A tenth larger than with the usual 6, in half the time: a first sync is bound by this.
LEVEL = 3
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class PackedLines:
    """Written to `path` record by record; `target` is its name later. Equal records make equal
    bytes."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self.target = target
        self.records = 0
        self._file = path.open("wb")
        # No name and no time in the archive.
        packed = gzip.GzipFile("", "wb", LEVEL, self._file, mtime=0)
        # Half a surrogate pair, as some tools cut texts, is written as JSON escapes it.
        self._lines = io.TextIOWrapper(packed, encoding="utf-8", errors="backslashreplace")

    def write(self, record: Mapping[str, Any]) -> None:
        self._lines.write(_encode(record) + "\n")
        self.records += 1

    def close(self) -> None:
        if not self._file.closed:
            self._lines.close()
            flush(self._file)
            self._file.close()

    def sha256(self) -> str:
        """Hash of the closed file, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def flush(file: IO[Any]) -> None:
    """Flush the file to disk, so that it survives a loss of power."""
    file.flush()
    os.fsync(file.fileno())
