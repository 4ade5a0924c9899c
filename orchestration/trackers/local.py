"""The embedded tracker: one readable Markdown file an epic, in one directory.

People close an epic by editing its file. Files may be renamed; they are found by the key in
their front matter.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from orchestration.trackers.front_matter import (
    is_sealed,
    read_closed_at,
    read_front_matter,
    sealed,
    set_field,
    set_figures,
)
from orchestration.trackers.local_document import add_evidence, change_mark, render_epic
from orchestration.trackers.protocol import (
    Check,
    ConflictError,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Rehearsal,
    RejectedError,
    StatusOutcome,
    TrackerError,
    UnavailableError,
)

DONE_STATUSES = frozenset({"done", "closed", "resolved", "cancelled", "canceled", "deleted"})
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
        """Write a file an epic, whole or not at all, and durable when this returns."""
        outcomes: dict[str, CreateOutcome] = {}
        try:
            with self._locked():
                for draft in drafts:
                    created = self._write_new(self._path(draft.key), render_epic(draft))
                    outcomes[draft.key] = self._ref(
                        draft.key, f"{draft.key}.md", was_there=not created
                    )
        except OSError as error:
            # What was created before the error is in `outcomes`; the rest was not created.
            unavailable = UnavailableError(self._explain(error))
            outcomes |= {d.key: unavailable for d in drafts if d.key not in outcomes}
        return outcomes

    def update(self, ref: EpicRef, change: EpicChange) -> frozenset[str]:
        """Add `change` to the evidence log unless it is there; people's edits are kept."""
        edited: frozenset[str] = frozenset()

        def updated(text: str) -> str:
            nonlocal edited
            text, edited = _with_change(text, change)
            return text

        self._edit(ref, updated)
        return edited

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        """Add `change`, and mark the epic as done at the time of the change."""

        def closed(text: str) -> str:
            if change_mark(change.change_id) in text:
                return text  # Told and closed in one write; if it is open now, a person did that.
            text, _ = _with_change(text, change)
            if _status_name(text) in DONE_STATUSES:
                return text
            for name, value in (("status", "done"), ("closed_at", change.at.astimezone(UTC))):
                text = set_field(text, name, value) or text
            if _status_name(text) not in DONE_STATUSES:
                raise ValueError("its `status` is not on a line of its own, close it by hand")
            return text

        self._edit(ref, closed)

    def untouched(self, refs: Collection[EpicRef]) -> Mapping[str, bool | TrackerError]:
        """Whether each file has its first name, and is to the letter as paydown left it."""
        return {ref.key: self._untouched(ref) for ref in refs}

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

    def rehearse(self, drafts: Sequence[EpicDraft]) -> Mapping[str, Rehearsal | TrackerError]:
        """The file of each draft, letter by letter."""
        found = self.find([draft.key for draft in drafts])
        there = {key: (f"{ref.id} is there, it is adopted as it is",) for key, ref in found.items()}
        return {
            draft.key: Rehearsal(
                {"file": f"{draft.key}.md", "text": render_epic(draft)}, there.get(draft.key, ())
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
            status = _status_name(text)
            if status not in DONE_STATUSES:
                return EpicStatus(is_open=True, status_name=status, url=ref.url)
            closed_at = read_closed_at(read_front_matter(text).get("closed_at"))
            if closed_at is None:
                closed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            return EpicStatus(is_open=False, status_name=status, url=ref.url, closed_at=closed_at)
        except OSError as error:
            return UnavailableError(self._explain(error))
        except UnicodeDecodeError:
            return RejectedError(f"{ref.id} is not UTF-8 text, save it as UTF-8")
        except ValueError as error:
            return RejectedError(f"{ref.id} can't be read: {error}")

    def _untouched(self, ref: EpicRef) -> bool | TrackerError:
        try:
            path = self._current_path(ref)
            if path is None:
                return RejectedError(f"{ref.id} is gone from {self._directory}")
            return path.name == f"{ref.key}.md" and is_sealed(_read(path))
        except OSError as error:
            return UnavailableError(self._explain(error))
        except UnicodeDecodeError:
            return False

    def _edit(self, ref: EpicRef, edit: Callable[[str], str]) -> None:
        """Replace the epic's text by what `edit` makes of it, whole, and not over a new edit."""
        try:
            with self._locked():
                for _ in range(_REPLACE_ATTEMPTS):
                    path = self._current_path(ref)
                    if path is None:
                        raise RejectedError(f"{ref.id} is gone from {self._directory}")
                    before = path.stat()
                    text = _read(path)
                    edited = edit(text)
                    if edited != text and is_sealed(text):
                        edited = sealed(edited)
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

    def _ref(self, key: str, name: str, *, was_there: bool = False) -> EpicRef:
        url = (self._directory.absolute() / name).as_uri()
        return EpicRef(key=key, id=name, url=url, was_there=was_there)

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
        """One paydown at a time in the directory; what a killed one left half-written goes."""
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


def _status_name(text: str) -> str:
    return str(read_front_matter(text).get("status", "open")).strip().lower()


def _with_change(text: str, change: EpicChange) -> tuple[str, frozenset[str]]:
    """`text` with `change` told and its figures, and the names of figures that people edited."""
    edited: frozenset[str] = frozenset()
    if change.written is not None:
        text, edited = set_figures(text, change.figures, change.written)
    if change_mark(change.change_id) not in text:
        text = add_evidence(text, change)
    return text, edited


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
