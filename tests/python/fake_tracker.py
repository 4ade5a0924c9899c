"""A tracker in a folder that fails the way real ones do, in simulated time.

Racing and killed processes share the folder: an epic is a file, and what happens to it is only ever
appended to a second one, so that nothing that was done twice can be overwritten.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.http import RefusedError
from orchestration.trackers.protocol import (
    Check,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Preview,
    StatusOutcome,
)

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
LAG, LONGEST_CALL = 20.0, 30.0

Fault = Callable[[Callable[[], Any]], Any]


def done_but(error: BaseException) -> Fault:
    """The server does it, the client sees `error`."""

    def fault(act: Callable[[], Any]) -> Any:
        act()
        raise error

    return fault


def instead(error: BaseException) -> Fault:
    """The server does nothing, the client sees `error`."""

    def fault(_act: Callable[[], Any]) -> Any:
        raise error

    return fault


class Clock:
    """Wall-clock time of one run; sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeTracker:
    """A search that lags, no protection against duplicates.

    faults: by kind of request, what happens to the next ones.
    """

    name = "fake"
    search_lag_seconds = LAG
    longest_call_seconds = LONGEST_CALL
    is_idempotent = False

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.clock = folder, clock or Clock(NOW)
        self.requests: list[str] = []
        self.faults: dict[str, list[Fault]] = {}
        self.retries: list[bool] = []
        self.rejected_keys: set[str] = set()

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        visible_at = str(self.clock() - timedelta(seconds=LAG))

        def act() -> dict[str, EpicRef]:
            found = [epic for epic in self.epics() if epic["key"] in keys]
            return {e["key"]: self._ref(e) for e in found if e["at"] <= visible_at}

        return self._request("find", act)

    def create(self, draft: EpicDraft) -> EpicRef:
        return self._request("create", lambda: self._create(draft))

    def _create(self, draft: EpicDraft) -> EpicRef:
        if draft.key in self.rejected_keys:
            raise RefusedError("field Team is required")
        time.sleep(0.0005)  # So that racing runs overlap.
        epic = {"key": draft.key, "id": uuid.uuid4().hex, "at": str(self.clock())}
        epic["parent"] = draft.parent.id if draft.parent else ""
        self.log(epic["id"], f"score {draft.score}")
        part = self.folder / f"{epic['id']}.part"
        part.write_text(json.dumps(epic))
        part.rename(part.with_suffix(".json"))
        return self._ref(epic)

    def check(self) -> Sequence[Check]:
        return [Check("folder", self.folder.is_dir(), str(self.folder))]

    def preview(self, draft: EpicDraft) -> Preview:
        return Preview({"key": draft.key})

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        self._request("update", lambda: self._notify(ref, change))

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        def act() -> None:
            self._notify(ref, change)
            self.log(ref.id, "closed")

        self._request("close", act)

    def _notify(self, ref: EpicRef, change: EpicChange) -> None:
        self.retries.append(change.is_retry)
        if not (change.is_retry and f"notified {change.change_id}" in self.lines(ref.id)):
            self.log(ref.id, f"notified {change.change_id}")
        self.log(ref.id, f"score {change.score}")

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        def act() -> dict[str, StatusOutcome]:
            ids = {epic["id"] for epic in self.epics()}
            return {ref.key: self._status(ref) for ref in refs if ref.id in ids}

        return self._request("status", act)

    def _status(self, ref: EpicRef) -> EpicStatus:
        lines = self.lines(ref.id)
        version = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return EpicStatus("closed" not in lines, "?", ref.url, version=version)

    def _request(self, kind: str, act: Callable[[], Any]) -> Any:
        self.requests.append(kind)
        faults = self.faults.get(kind)
        return faults.pop(0)(act) if faults else act()

    def _ref(self, epic: Mapping[str, str]) -> EpicRef:
        return EpicRef(epic["key"], epic["id"], f"https://x.example/{epic['id']}")

    def epics(self) -> list[dict[str, str]]:
        """Key, id, time and parent's id of everything in the tracker, oldest first."""
        found = [json.loads(path.read_text()) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda epic: (epic["at"], epic["id"]))

    @property
    def keys(self) -> list[str]:
        return sorted(epic["key"] for epic in self.epics())

    def log(self, epic_id: str, line: str) -> None:
        """Append to what happened to an epic; a test says so what a person does."""
        with (self.folder / f"{epic_id}.log").open("a") as file:
            file.write(f"{line}\n")

    def lines(self, epic_id: str) -> list[str]:
        return (self.folder / f"{epic_id}.log").read_text().splitlines()

    def notified(self, kind: str = "change") -> list[str]:
        """Ids of all comments of a kind, `change` or `close`."""
        lines = [line for epic in self.epics() for line in self.lines(epic["id"])]
        return [line.split()[1] for line in lines if line.startswith(f"notified {kind}-")]
