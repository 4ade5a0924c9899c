"""The embedded tracker: one readable Markdown file an epic, in one directory.

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

from orchestration.trackers.local_file import (
    DONE_STATUSES,
    closed,
    closed_at,
    read_front_matter,
    render_epic,
    status_name,
    with_change,
)
from orchestration.trackers.protocol import (
    Check,
    ConflictError,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Preview,
    PreviewOutcome,
    RejectedError,
    StatusOutcome,
    UnavailableError,
)

_REPLACE_ATTEMPTS = 5


class LocalTracker:
    """Epics as files under `directory`, which is created with the first epic; stories beside them.

    Creating a key that exists adopts its file, whoever else is creating it (`os.link` refuses an
    existing name), so an unfinished intent needs no waiting.
    """

    name = "local"
    batch_size = 50
    search_lag_seconds = 0.0
    longest_call_seconds = 30.0
    is_idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        """The epics that hold one of `keys`, by file name first, by front matter otherwise."""
        found = {key: self._ref(key, f"{key}.md") for key in keys if self._path(key).is_file()}
        if len(found) < len(set(keys)):
            for key, name in self._names_by_key().items():
                if key in keys and key not in found:
                    found[key] = self._ref(key, name)
        return found

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        """Write a file an epic, atomically, and durable when this returns."""
        outcomes: dict[str, CreateOutcome] = {}
        try:
            with self._locked():
                for draft in drafts:
                    created = self._write_new(self._path(draft.key), render_epic(draft))
                    outcomes[draft.key] = self._ref(
                        draft.key, f"{draft.key}.md", is_adopted=not created
                    )
        except OSError as error:
            # What was created before the error is in `outcomes`; the rest was not created.
            unavailable = UnavailableError(self._explain(error))
            outcomes |= {d.key: unavailable for d in drafts if d.key not in outcomes}
        return outcomes

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change` to the evidence log unless the log has it; people's edits are kept."""
        self._edit(ref, lambda text: with_change(text, change))

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change`, and mark the epic as done at the time of the change."""
        self._edit(ref, lambda text: closed(text, change))

    def check(self) -> Sequence[Check]:
        """Whether the directory can be written to, or made."""
        nearest = self._directory.absolute()
        while not nearest.exists():
            nearest = nearest.parent
        is_ok = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
        message = (
            f"epics are files in {self._directory}"
            if is_ok
            else f"{self._directory}: {nearest} is no directory that may be written to; "
            "let paydown write there, or set another PAYDOWN_HOME"
        )
        return [Check("directory", is_ok, message)]

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        """The file of each draft, letter by letter."""
        found = self.find([draft.key for draft in drafts])
        notes = {key: (f"{ref.id} exists, it is adopted as it is",) for key, ref in found.items()}
        return {
            draft.key: Preview(
                {"file": f"{draft.key}.md", "text": render_epic(draft)}, notes.get(draft.key, ())
            )
            for draft in drafts
        }

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        """The state of each epic; nothing when the directory itself is gone."""
        if not self._directory.is_dir():
            return {}
        return {ref.key: self._status(ref) for ref in refs}

    def _status(self, ref: EpicRef) -> StatusOutcome:
        try:
            path = self._current_path(ref)
            if path is None:
                return EpicStatus(is_open=False, status_name="deleted", url=ref.url)
            text = _read(path)
            name = status_name(text)
            is_open = name not in DONE_STATUSES
            at = None if is_open else closed_at(text)
            if at is None and not is_open:
                at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            version = hashlib.sha256(text.encode()).hexdigest()[:16]
            return EpicStatus(is_open, name, ref.url, at, version)
        except OSError as error:
            return UnavailableError(self._explain(error))
        except UnicodeDecodeError:
            return RejectedError(f"{ref.id} is not UTF-8 text, save it as UTF-8")
        except ValueError as error:
            return RejectedError(f"{ref.id} can't be read: {error}")

    def _edit(self, ref: EpicRef, edit: Callable[[str], str]) -> None:
        """Replace the epic's text by what `edit` makes of it, but not over a newer edit."""
        try:
            with self._locked():
                for _ in range(_REPLACE_ATTEMPTS):
                    path = self._current_path(ref)
                    if path is None:
                        raise RejectedError(f"{ref.id} is gone from {self._directory}")
                    before = path.stat()
                    text = _read(path)
                    edited = edit(text)
                    if edited == text or self._replace(path, before, edited):
                        return
        except OSError as error:
            raise UnavailableError(self._explain(error)) from None
        except UnicodeDecodeError:
            raise RejectedError(f"{ref.id} is not UTF-8 text, save it as UTF-8") from None
        except ValueError as error:
            raise RejectedError(f"{ref.id} can't be changed: {error}") from None
        raise ConflictError(f"{ref.id} changes all the time, the next run tries again")

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}.md"

    def _ref(self, key: str, name: str, *, is_adopted: bool = False) -> EpicRef:
        url = (self._directory.absolute() / name).as_uri()
        return EpicRef(key=key, id=name, url=url, is_adopted=is_adopted)

    def _current_path(self, ref: EpicRef) -> Path | None:
        path = self._directory / Path(ref.id).name
        if path.is_file():
            return path
        name = self._names_by_key().get(ref.key)
        return self._directory / name if name else None

    def _names_by_key(self) -> dict[str, str]:
        names: dict[str, str] = {}
        if self._directory.is_dir():
            for path in sorted(self._directory.glob("*.md")):
                # A file that can't be read is not ours, or is reported under its own name.
                with suppress(OSError, ValueError):
                    names.setdefault(str(read_front_matter(_read(path)).get("key")), path.name)
        return names

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One paydown at a time in the directory; removes what a killed one left half-written."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in self._directory.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            yield

    def _write_new(self, path: Path, text: str) -> bool:
        temporary = self._write_temporary(text)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        self._sync_directory()
        return True

    def _replace(self, path: Path, before: os.stat_result, text: str) -> bool:
        """Put `text` in place of the file seen as `before`; False if it has changed since."""
        temporary = self._write_temporary(text)
        now = path.stat()
        if (now.st_mtime_ns, now.st_size, now.st_ino) != (
            before.st_mtime_ns,
            before.st_size,
            before.st_ino,
        ):
            temporary.unlink()
            return False
        temporary.chmod(before.st_mode & 0o7777)
        temporary.replace(path)
        self._sync_directory()
        return True

    def _write_temporary(self, text: str) -> Path:
        temporary = self._directory / f".{secrets.token_hex(8)}.tmp"
        with temporary.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return temporary

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _explain(self, error: OSError) -> str:
        return f"{self._directory}: {error.strerror or error}"


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
