"""The embedded tracker: one readable Markdown file per epic, in one directory.

People close an epic by editing its file. Files may be renamed; they are found by the key in
their front matter.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from orchestration.documents import DocumentError
from orchestration.documents.text import read_text
from orchestration.http import ConflictError, RefusedError, SourceError, UnavailableError
from orchestration.trackers import protocol
from orchestration.trackers.local_file import (
    DONE_STATUSES,
    closed,
    closed_at,
    read_front_matter,
    render_epic,
    status_name,
    with_change,
)

_REPLACE_ATTEMPTS = 5


class LocalTracker:
    """Epics as files under `directory`, which is created with the first epic; stories beside them.

    Creating a key that exists adopts its file, even if somebody else is creating it (`os.link`
    rejects an existing name), so an unfinished intent needs no waiting.
    """

    name = "local"
    search_lag_seconds = 0.0
    longest_call_seconds = 30.0
    is_idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, keys: Collection[str]) -> Mapping[str, protocol.EpicRef]:
        """The epics that have one of `keys`, by file name first, else by front matter."""
        names = {key: f"{key}.md" for key in keys if self._path(key).is_file()}
        if len(names) < len(set(keys)):
            names = self._names_by_key() | names
        return {key: self._ref(key, names[key]) for key in keys if key in names}

    def create(self, draft: protocol.EpicDraft) -> protocol.EpicRef:
        """Write the epic's file, atomically and durably."""
        name = f"{draft.key}.md"
        with self._explained(name), self._locked():
            created = self._write(self._path(draft.key), render_epic(draft), None)
            return self._ref(draft.key, name, is_adopted=not created)

    def update(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        """Add `change` to the evidence log unless the log has it; people's edits are kept."""
        self._edit(ref, lambda text: with_change(text, change))

    def close(self, ref: protocol.EpicRef, change: protocol.EpicChange) -> None:
        """Add `change`, and mark the epic as done at the time of the change."""
        self._edit(ref, lambda text: closed(text, change))

    def check(self) -> Sequence[protocol.Check]:
        """Whether the directory can be written to, or created."""
        nearest = self._directory.absolute()
        while not nearest.exists():
            nearest = nearest.parent
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return [protocol.Check("directory", True, f"epics are files in {self._directory}")]
        what = f"{self._directory}: {nearest} is not a writable directory"
        fix = "let paydown write there, or set another PAYDOWN_HOME"
        return [protocol.Check("directory", False, f"{what}; {fix}")]

    def preview(self, draft: protocol.EpicDraft) -> protocol.Preview:
        """The exact text of the epic's file."""
        return protocol.Preview({"file": f"{draft.key}.md", "text": render_epic(draft)})

    def status(self, refs: Collection[protocol.EpicRef]) -> Mapping[str, protocol.StatusOutcome]:
        """The state of each epic; nothing when the directory itself is gone."""
        return {ref.key: self._status(ref) for ref in refs} if self._directory.is_dir() else {}

    def _status(self, ref: protocol.EpicRef) -> protocol.StatusOutcome:
        try:
            with self._explained(ref.id):
                path = self._current_path(ref)
                if path is None:
                    return protocol.EpicStatus(is_open=False, status_name="deleted", url=ref.url)
                text = _read(path)
                name = status_name(text)
                at = None
                if name in DONE_STATUSES:
                    at = closed_at(text) or datetime.fromtimestamp(path.stat().st_mtime, UTC)
                version = hashlib.sha256(text.encode()).hexdigest()[:16]
                return protocol.EpicStatus(at is None, name, ref.url, at, version)
        except SourceError as error:
            return error

    def _edit(self, ref: protocol.EpicRef, edit: Callable[[str], str]) -> None:
        """Replace the epic's text with the result of `edit`, but not over a newer edit."""
        with self._explained(ref.id), self._locked():
            for _ in range(_REPLACE_ATTEMPTS):
                path = self._current_path(ref)
                if path is None:
                    raise RefusedError(f"{ref.id} is gone from {self._directory}")
                before = path.stat()
                text = _read(path)
                edited = edit(text)
                if edited == text or self._write(path, edited, before):
                    return
        raise ConflictError(f"{ref.id} keeps changing, the next run tries again")

    @contextmanager
    def _explained(self, name: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise UnavailableError(f"{self._directory}: {error.strerror or error}") from None
        except (DocumentError, ValueError) as error:
            raise RefusedError(f"{name}: {error}") from None

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}.md"

    def _ref(self, key: str, name: str, *, is_adopted: bool = False) -> protocol.EpicRef:
        url = (self._directory.absolute() / name).as_uri()
        return protocol.EpicRef(key=key, id=name, url=url, is_adopted=is_adopted)

    def _current_path(self, ref: protocol.EpicRef) -> Path | None:
        path = self._directory / Path(ref.id).name
        if path.is_file():
            return path
        name = self._names_by_key().get(ref.key)
        return self._directory / name if name else None

    def _names_by_key(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for path in sorted(self._directory.glob("*.md")):
            # An unreadable file isn't ours, or is reported under its own name.
            with suppress(OSError, DocumentError):
                names.setdefault(str(read_front_matter(read_text(path)).get("key")), path.name)
        return names

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One paydown at a time in the directory; removes half-written files of a killed one."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in self._directory.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            yield

    def _write(self, path: Path, text: str, before: os.stat_result | None) -> bool:
        """Put `text` at `path`, atomically and durably.

        False if a file was created there meanwhile (`before` is None) or has changed since
        `before`.
        """
        temporary = self._directory / f".{secrets.token_hex(8)}.tmp"
        try:
            with temporary.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if before is None:
                os.link(temporary, path)
            elif _version(path.stat()) == _version(before):
                temporary.chmod(before.st_mode & 0o7777)
                temporary.replace(path)
            else:
                return False
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True


def _version(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _read(path: Path) -> str:
    """The exact text of the file; DocumentError if `read_text` rejects it."""
    read_text(path)
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
