"""The folder of an archive and its manifest: what is in which file, with hash and count.

`manifest.ndjson` only grows, a line per fact, and is flushed to the disk after the files that it
speaks of. So an archive that is killed goes on after its last line, and `verify` needs no server.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.http import SourceError

MANIFEST = "manifest.ndjson"
PARTIAL = ".partial-"
Fact = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What `verify` found: records by stream, faults in words, and whether the archive is whole."""

    counts: dict[str, int]
    files: int
    faults: list[str]
    is_finished: bool


class Store:
    """Writes files and facts; open it with `open_store`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = list(_facts(folder / MANIFEST))

    def save(self, files: Mapping[str, Iterable[Any]], **fact: Any) -> None:
        """Write the named files, one JSON record a line, packed; then the manifest's lines.

        A file that would be empty is not written. `fact` is noted after them, if there is one.
        """
        lines: list[Fact] = []
        for name, records in files.items():
            target = self.folder / f"{name}.ndjson.gz"
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(PARTIAL + target.name)
            count = _write(partial, records)
            if not count:
                partial.unlink()
                continue
            partial.replace(target)
            lines.append(
                {
                    "file": target.relative_to(self.folder).as_posix(),
                    "records": count,
                    "bytes": target.stat().st_size,
                    "sha256": _sha256(target),
                }
            )
        self.note(*lines, *([fact] if fact else []))

    def note(self, *facts: Fact) -> None:
        """Add lines to the manifest, all or none of them readable later."""
        text = "".join(json.dumps(fact, ensure_ascii=False) + "\n" for fact in facts)
        with (self.folder / MANIFEST).open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self.facts += facts

    def last(self, key: str, **having: Any) -> Any:
        """What the newest fact with this key and these values says under the key, or None."""
        for fact in reversed(self.facts):
            if key in fact and all(fact.get(name) == value for name, value in having.items()):
                return fact[key]
        return None

    def counts(self) -> dict[str, int]:
        """Records by stream, the first folder or the file's name."""
        counts: dict[str, int] = {}
        for fact in _files(self.facts):
            counts[_stream(fact["file"])] = counts.get(_stream(fact["file"]), 0) + fact["records"]
        return counts


@contextmanager
def open_store(folder: Path) -> Generator[Store]:
    """The store, for one process at a time.

    Raises:
        SourceError: another archive job writes to the folder, or it holds something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not any((folder / name).exists() for name in (MANIFEST, ".lock")):
        raise SourceError(f"{folder} is not empty and holds no archive; choose another folder")
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(f"another archive job writes to {folder}; let it finish") from None
        _mend(folder)
        yield Store(folder)


def verify(folder: Path) -> Verdict:
    """Count and hash everything again, and compare it with the manifest.

    Raises:
        SourceError: there is no archive.
    """
    if not (folder / MANIFEST).exists():
        raise SourceError(f"{folder} holds no {MANIFEST}; name the folder of an archive")
    facts = list(_facts(folder / MANIFEST))
    counts: dict[str, int] = {}
    faults = []
    listed = {fact["file"]: fact for fact in _files(facts)}
    for name, fact in sorted(listed.items()):
        path = folder / name
        if not path.exists():
            faults.append(f"{name} is missing")
            continue
        if _sha256(path) != fact["sha256"]:
            faults.append(f"{name} was changed: its SHA-256 is not that of the manifest")
            continue
        with gzip.open(path, "rb") as file:
            records = sum(1 for _ in file)
        if records != fact["records"]:
            faults.append(f"{name} holds {records:,} records, not {fact['records']:,}")
        counts[_stream(name)] = counts.get(_stream(name), 0) + records
    faults += [
        f"{path.relative_to(folder)} is not in the manifest"
        for path in sorted(folder.rglob("*.ndjson.gz"))
        if path.relative_to(folder).as_posix() not in listed
    ]
    for fact in facts:
        held = fact.get("held")
        if held is not None and counts.get(fact["stream"], 0) < held:
            found = counts.get(fact["stream"], 0)
            faults.append(f"{fact['stream']}: {found:,} saved, Opsgenie counted {held:,}")
    return Verdict(counts, len(listed), faults, any("finished_at" in fact for fact in facts))


def _files(facts: Iterable[Fact]) -> Iterator[Fact]:
    return (fact for fact in facts if "file" in fact)


def _stream(name: str) -> str:
    return name.removesuffix(".ndjson.gz") if name.startswith("account/") else name.split("/")[0]


def _facts(manifest: Path) -> Iterator[Fact]:
    """The lines of the manifest; one that was cut off is not there."""
    if manifest.exists():
        for line in manifest.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)


def _mend(folder: Path) -> None:
    """Take away what a killed job left: half a line, partial files, files of no line."""
    manifest = folder / MANIFEST
    if manifest.exists():
        content = manifest.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(manifest, whole)
    listed = {fact["file"] for fact in _files(_facts(manifest))}
    for path in folder.rglob("*.ndjson.gz"):
        if path.name.startswith(PARTIAL) or path.relative_to(folder).as_posix() not in listed:
            path.unlink()


def _write(path: Path, records: Iterable[Any]) -> int:
    count = 0
    with path.open("wb") as raw:
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
            for record in records:
                text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                packed.write(text.encode() + b"\n")
                count += 1
        raw.flush()
        os.fsync(raw.fileno())
    return count


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
