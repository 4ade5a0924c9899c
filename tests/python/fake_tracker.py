"""A tracker in memory that fails the way real ones do, in simulated time."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.trackers.protocol import (
    Check,
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


class FakeTracker:
    """Jira in memory: bulk create, a search that lags, no protection against duplicates."""

    name = "fake"
    search_lag_seconds = LAG
    longest_call_seconds = LONGEST_CALL
    is_idempotent = False

    def __init__(self, batch_size: int = 50) -> None:
        self.batch_size = batch_size
        self.time = NOW
        self.waited = 0.0
        self.is_down = False
        self.epics: list[tuple[EpicRef, datetime]] = []
        self.told: list[EpicChange] = []
        self.requests: list[str] = []
        self.faults: dict[str, list[Fault]] = {"find": [], "create": [], "update": [], "status": []}
        self.rejected_keys: set[str] = set()
        self.closed: set[str] = set()
        self.touches: list[str] = []
        self.told_of: Counter[str] = Counter()
        self.numbers = itertools.count(1)

    def clock(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.waited += seconds

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        visible_at = self.time - timedelta(seconds=LAG)
        return self._request(
            "find", lambda: {r.key: r for r, at in self.epics if r.key in keys and at <= visible_at}
        )

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        assert 1 <= len(drafts) <= self.batch_size

        def act() -> dict[str, CreateOutcome]:
            outcomes: dict[str, CreateOutcome] = {}
            for draft in drafts:
                if draft.key in self.rejected_keys:
                    outcomes[draft.key] = RejectedError("field Team is required")
                    continue
                number = next(self.numbers)
                ref = EpicRef(draft.key, f"MOD-{number}", f"https://x.example/MOD-{number}")
                self.epics.append((ref, self.time))
                outcomes[draft.key] = ref
            return outcomes

        return self._request("create", act)

    def check(self) -> Sequence[Check]:
        return [Check("reachable", True, "it is in memory")]

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        return {draft.key: Preview({"key": draft.key}) for draft in drafts}

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        if self.is_down:
            raise UnavailableError("503")
        if not (change.is_retry and change.change_id in {told.change_id for told in self.told}):
            self._request("update", lambda: self._tell(ref, change))

    def _tell(self, ref: EpicRef, change: EpicChange) -> None:
        self.told.append(change)
        self.told_of[ref.key] += 1

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        self.update(ref, change)
        self.closed.add(ref.key)

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        ids = {ref.id for ref, _ in self.epics}
        return self._request(
            "status",
            lambda: {
                r.key: EpicStatus(r.key not in self.closed, "To Do", r.url, version=self.version(r))
                for r in refs
                if r.id in ids
            },
        )

    def version(self, ref: EpicRef) -> str:
        """Another one after every change; tests append to `touches` for what people do."""
        return f"{self.told_of[ref.key]}.{self.touches.count(ref.key)}.{ref.key in self.closed}"

    def _request(self, kind: str, act: Callable[[], Any]) -> Any:
        self.requests.append(kind)
        faults = self.faults[kind]
        return faults.pop(0)(act) if faults else act()

    @property
    def keys(self) -> list[str]:
        return [ref.key for ref, _ in self.epics]
