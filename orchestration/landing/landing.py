"""What one source writes: records into files of the landing folder, and its cursors.

A sync may be killed between any two instructions. So records go to hidden partial files first;
`commit` atomically writes the cursors and the names of those files to one state file, and only then
gives the files their visible names. The next sync repairs a killed one when it opens the state:
files named there are shown, all others deleted. So every committed record is in exactly one file,
and the cursors always match the files.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.landing.packed import PackedLines, flush
from orchestration.landing.state import carry_out, read_state, write_state

JOURNAL = "paydown/syncs"
PARTIAL = ".partial-"


@dataclass
class StreamReport:
    """What a sync did on one stream; see `stg_paydown__syncs` for the meaning of each."""

    records: int = 0
    source_count: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    # For each appended file: name below the landing folder, sha256, records.
    files: list[dict[str, Any]] = field(default_factory=list)


class Landing:
    """Where one source lands; open it with `open_landing`.

    Attributes:
        root: the landing folder.
        cursors: how far the source got, as of the last commit; JSON values under the source's own
            names.
        sync_id: names this sync; its files begin with it.
        streams: what this sync did so far, by stream.
        cache: folder for what the source can fetch again; may be missing.
    """

    def __init__(self, root: Path, state_file: Path, source: str, started_at: datetime) -> None:
        self.root = root
        self.source = source
        self.started_at = started_at
        self.streams: dict[str, StreamReport] = {}
        self.cache = state_file.with_suffix("")
        self._state_file = state_file
        self._state = read_state(state_file)
        self._state["syncs"] = self._state.get("syncs", 0) + 1
        self.sync_id = f"{started_at:%Y%m%dT%H%M%SZ}-{self._state['syncs']:06d}"
        self._forget()

    def _forget(self) -> None:
        """Begin again after the last commit."""
        # A source may keep changing its own copy; that must not get into the state.
        self.cursors: dict[str, Any] = json.loads(json.dumps(self._state["cursors"]))
        self._written: dict[str, PackedLines] = {}
        self._appended: set[str] = set()
        self._placed: dict[Path, Path] = {}
        self._removed: list[str] = []

    def append(self, stream: str, records: Iterable[Mapping[str, Any]]) -> int:
        """Write records, one per line, as the source gave them; visible only after `commit`.

        Returns how many there were. The records are not kept in memory.
        """
        count = 0
        for record in records:
            if stream not in self._written:
                self._open(stream, f"{stream}/{self.sync_id}-{self._state['commits']:06d}")
                self._appended.add(stream)
            self._written[stream].write(record)
            count += 1
        return count

    def replace(self, stream: str, name: str, records: Iterable[Mapping[str, Any]]) -> int:
        """Write the file `name` of a stream whose contract has `mode: snapshot`, replacing the
        previous one. Equal records make an equal file, which the loader recognises by its bytes."""
        key = f"{stream}/{name}"
        self._open(key, key)
        for record in records:
            self._written[key].write(record)
        return self._written[key].records

    def _open(self, key: str, name: str) -> None:
        if key in self._written:
            self._written[key].close()
        target = self.root / self.source / f"{name}.ndjson.gz"
        self._written[key] = PackedLines(_partial(target), target)

    def place(self, name: str, content: bytes) -> None:
        """Put a file, unchanged, at `name` below the landing folder, with the commit."""
        partial = _partial(self.root / self.source / str(len(self._placed)))
        with partial.open("wb") as file:
            file.write(content)
            flush(file)
        self._placed[partial] = self.root / name

    def remove(self, names: Iterable[str]) -> None:
        """Remove placed files, with the commit; then empty folders."""
        self._removed += names

    def observe(
        self,
        stream: str,
        *,
        source_count: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        """Note what the source reports of a stream: how many records it has, and the window asked.

        Counts of several windows add up.
        """
        report = self.streams.setdefault(stream, StreamReport())
        if source_count is not None:
            report.source_count = (report.source_count or 0) + source_count
        report.since = min(filter(None, (report.since, since)), default=None)
        report.until = max(filter(None, (report.until, until)), default=None)

    def commit(self, **cursors: Any) -> None:
        """Make everything written since the last commit visible, together with the cursors.

        A cursor that is None is forgotten.
        """
        kept = {
            name: value for name, value in (self.cursors | cursors).items() if value is not None
        }
        shown = dict(self._placed)
        for key, file in self._written.items():
            file.close()
            shown[file.path] = file.target
            if key in self._appended:
                report = self.streams.setdefault(key, StreamReport())
                report.records += file.records
                stated = {"name": self._below(file.target), "sha256": file.sha256()}
                report.files.append({**stated, "records": file.records})
        self._state |= {
            "cursors": kept,
            "commits": self._state["commits"] + 1,
            "showing": {self._below(one): self._below(to) for one, to in shown.items()},
            "removing": self._removed,
        }
        write_state(self._state_file, self._state)
        carry_out(self.root, self._state)
        self._state["removing"] = []
        self._forget()

    def _below(self, path: Path) -> str:
        return str(path.relative_to(self.root))

    def abandon(self) -> None:
        """Discard everything written since the last commit."""
        for file in self._written.values():
            file.close()
        for partial in (*self._placed, *(file.path for file in self._written.values())):
            partial.unlink(missing_ok=True)
        self._forget()

    def journal(self, status: str, message: str, requests: int, finished_at: datetime) -> None:
        """Write what this sync did to the stream `paydown.syncs`, a record per stream.

        A sync that did nothing on any stream is one record with an empty stream.
        """
        self.abandon()
        rows = [
            {
                "sync_id": f"{self.source}-{self.sync_id}",
                "source": self.source,
                "stream": stream,
                "status": status,
                "message": message,
                "records": report.records,
                "source_count": report.source_count,
                "requests": requests,
                "since": _text(report.since),
                "until": _text(report.until),
                "started_at": _text(self.started_at),
                "finished_at": _text(finished_at),
                "files": report.files,
            }
            for stream, report in (self.streams or {"": StreamReport()}).items()
        ]
        target = self.root / JOURNAL / f"{self.source}-{self.sync_id}.ndjson"
        partial = _partial(target)
        with partial.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            flush(file)
        partial.replace(target)
        complete_at = self._state.get("last", {}).get("complete_at")
        self._state["last"] = {
            "status": status,
            "message": message,
            "finished_at": _text(finished_at),
            "complete_at": _text(self.started_at) if status == "complete" else complete_at,
        }
        write_state(self._state_file, self._state)


@contextmanager
def open_landing(
    root: Path, state_folder: Path, source: str, started_at: datetime | None = None
) -> Generator[Landing]:
    """The landing of one source, for one process at a time: a second one waits.

    Args:
        root: the landing folder.
        state_folder: where `<source>.json` is kept; outside the landing folder.
    """
    state_folder.mkdir(parents=True, exist_ok=True)
    state_file = state_folder / f"{source}.json"
    with (state_folder / f"{source}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        carry_out(root, read_state(state_file))
        for stray in [
            *(root / source).rglob(f"{PARTIAL}*"),
            *(root / JOURNAL).glob(f"{PARTIAL}{source}-*"),
        ]:
            stray.unlink(missing_ok=True)
        landing = Landing(root, state_file, source, started_at or datetime.now(UTC))
        try:
            yield landing
        finally:
            landing.abandon()


def last_sync(state_folder: Path, source: str) -> Mapping[str, Any]:
    """`status`, `message`, `finished_at`, `complete_at` of the last sync; empty before the first.

    `complete_at` is when the last complete sync began (ISO 8601, UTC): what changed at the source
    up to then has landed.
    """
    return read_state(state_folder / f"{source}.json").get("last", {})


def _partial(target: Path) -> Path:
    """Where the file is written until it is shown; creates the folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(PARTIAL + target.name)


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
