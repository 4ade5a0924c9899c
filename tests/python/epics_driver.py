"""Runs the epics publisher in processes that get killed, or that race, for the tests.

    python epics_driver.py kills LEDGER_URL DIRECTORY local|remote SEED KILLS
    python epics_driver.py races LEDGER_URL DIRECTORY local|remote SEED PAIRS

Prints one JSON object about what happened. Imports once and forks for each run, which is fast.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

from orchestration.ledger import Ledger
from orchestration.publish.epics import publish_epics
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.protocol import (
    Check,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Rehearsal,
    StatusOutcome,
    Tracker,
    TrackerError,
)

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
# C functions around which a crash matters: statements, commits, and what touches files.
_BOUNDARIES = frozenset(
    {"execute", "commit", "link", "fsync", "write", "rename", "replace", "unlink", "flock"}
)


def row(service_id: str = "component:default/gateway", **columns: Any) -> dict[str, Any]:
    """A row of `rpt_promotion_candidates` that deserves an epic, but for `columns`."""
    return {
        "service_id": service_id,
        "service_name": service_id.rsplit("/", 1)[-1],
        "scoring_date": date(2026, 6, 26),
        "score_rank": 1,
        "score": 24,
        "score_delta": 3,
        "coverage": 0.875,
        "band": "promote_to_epic",
        "decision": "promote",
        "missing_fields": "",
        "owner": "group:default/team-edge",
        "due_date": date(2026, 8, 10),
        "estimate_days": 5.0,
        "day_rate_usd": 900.0,
        "budget_usd": 4500.0,
        "current_maturity": "bronze",
        "target_maturity": "silver",
        "exit_criteria": "Canary deployment\nCircuit breakers + timeouts configured",
        "fix_classes": "config_only,code_refactor",
        "reasons": "slo_burn: 5 of 5 points, peak burn rate 18.2\n"
        "effort: -2 of -3 points, 5 engineer-days",
        "incident_ids": "pagerduty:Q1,servicenow:INC0012345",
        "incident_count": 2,
        "postmortem_ids": "2026-05-01-gateway",
        "risk_ids": "RISK-7",
        "slo_chart_url": "https://grafana.example.com/d/abc123",
        "project_key": "MOD",
        "rubric_hash": "0123456789ab",
        "newest_incident_at": datetime(2026, 6, 20, 9, 30),
        "lead_service_id": service_id,
        "shared_fix_id": None,
        "team_id": "group:default/team-edge",
        "members": "",
        "change_window": "canary",
        "factor_changes": "+2 slo_burn: peak burn rate 7 -> peak burn rate 18.2",
        "incident_links": "pagerduty:Q1\tTimeouts\thttps://x.example/Q1\nservicenow:INC0012345\t\t",
        "postmortem_links": "2026-05-01-gateway\tRetries pile up\t",
        "slo_burn": 18.2,
        "wip_limit": 2,
        "promoted_at": date(2026, 6, 19),
    } | columns


class RemoteTracker:
    """A tracker with no help against duplicates: each `create` makes one more epic.

    An epic is a file `<uuid>.json`; `find` misses those younger than the search lag.
    """

    name = "remote"
    batch_size = 3
    search_lag_seconds = 20.0
    longest_call_seconds = 30.0
    is_idempotent = False

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self._directory, self._clock = directory, clock
        directory.mkdir(parents=True, exist_ok=True)

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        visible_at = self._clock() - timedelta(seconds=self.search_lag_seconds)
        found = {}
        for path in self._directory.glob("*.json"):
            epic = json.loads(path.read_text())
            if epic["key"] in keys and datetime.fromisoformat(epic["at"]) <= visible_at:
                found[epic["key"]] = EpicRef(epic["key"], path.stem, f"https://x/{path.stem}")
        return found

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        outcomes: dict[str, CreateOutcome] = {}
        for draft in drafts:
            time.sleep(0.002)  # So that racing runs overlap.
            name = uuid.uuid4().hex
            temporary = self._directory / f"{name}.tmp"
            temporary.write_text(json.dumps({"key": draft.key, "at": str(self._clock())}))
            temporary.rename(temporary.with_suffix(".json"))
            outcomes[draft.key] = EpicRef(draft.key, name, f"https://x/{name}")
        return outcomes

    def check(self) -> Sequence[Check]:
        return [Check("directory", self._directory.is_dir(), str(self._directory))]

    def rehearse(self, drafts: Sequence[EpicDraft]) -> Mapping[str, Rehearsal | TrackerError]:
        return {draft.key: Rehearsal({"key": draft.key}) for draft in drafts}

    def update(self, ref: EpicRef, change: EpicChange) -> frozenset[str]:
        comments = self._directory / f"{ref.id}.comments"
        told = comments.read_text().split() if comments.exists() else []
        if not (change.is_retry and change.change_id in told):
            with comments.open("a") as file:
                file.write(f"{change.change_id}\n")
        return frozenset()

    def untouched(self, refs: Collection[EpicRef]) -> Mapping[str, bool | TrackerError]:
        return {ref.key: True for ref in refs}

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        self.update(ref, change)
        (self._directory / f"{ref.id}.closed").touch()

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        return {
            ref.key: self._state(ref)
            for ref in refs
            if (self._directory / f"{ref.id}.json").exists()
        }

    def _state(self, ref: EpicRef) -> EpicStatus:
        is_open = not (self._directory / f"{ref.id}.closed").exists()
        return EpicStatus(is_open, "To Do" if is_open else "Done", ref.url)


class _Clock:
    """Wall-clock time of one run; sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def rows_of(count: int, score: int) -> list[dict[str, Any]]:
    """Rows of `count` services, all with `score`."""
    return [row(f"component:default/service-{n}", rank=n, score=score) for n in range(count)]


def _publish(url: str, directory: Path, kind: str, rows: list[dict[str, Any]], hour: int) -> None:
    clock = _Clock(NOW + timedelta(hours=hour))
    tracker: Tracker = (
        LocalTracker(directory) if kind == "local" else RemoteTracker(directory, clock)
    )
    publish_epics(
        rows,
        Ledger(url),
        tracker,
        dry_run=False,
        now=NOW,
        run_id=f"run-{hour}",
        clock=clock,
        sleep=clock.sleep,
    )


def _fork(work: Callable[[], None]) -> int:
    """Run `work` in a child; its exit code is 0 when it comes back."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def _suicidal(work: Callable[[], None], boundary: int, told: int) -> None:
    """Run `work`, killed before or after its n-th boundary, whose name is written to `told`."""
    seen = 0

    def profile(_frame: object, event: str, function: object) -> None:
        nonlocal seen
        if type(function) is not BuiltinFunctionType:
            return
        name = function.__name__
        if event not in {"c_call", "c_return"} or name not in _BOUNDARIES:
            return
        if not isinstance(function.__self__, str | datetime | StringIO):  # Only in memory.
            seen += 1
            if seen == boundary:
                os.write(told, f"{'before' if event == 'c_call' else 'after'} {name}".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    os.write(told, str(seen).encode())


def _when_told(work: Callable[[], None], told: int) -> None:
    os.read(told, 1)
    work()


def kills(url: str, directory: Path, kind: str, seed: int, count: int) -> dict[str, Any]:
    """Kill `count` runs; there are ever more services, and their score changes now and then."""
    dice = random.Random(seed)
    points: Counter[str] = Counter()
    boundaries, hour, services = 0, 0, 0
    while points.total() < count:
        hour += 1
        services = 3 + hour // 4
        rows = rows_of(services, 24 + dice.randrange(2))
        read_end, write_end = os.pipe()
        # The first run lives, to learn how many boundaries a run has; so do some later ones.
        boundary = dice.randrange(1, int(1.5 * boundaries)) if boundaries else sys.maxsize

        publish = partial(_publish, url, directory, kind, rows, hour)
        child = _fork(partial(_suicidal, publish, boundary, write_end))
        _, status = os.waitpid(child, 0)
        os.close(write_end)
        said = os.read(read_end, 100).decode()
        os.close(read_end)
        if os.WIFSIGNALED(status):
            points[said] += 1
        elif status == 0:
            boundaries = max(boundaries, int(said))
        else:
            raise SystemExit(f"run {hour} failed")
    return {"services": services, "hours": hour, "points": points}


def races(url: str, directory: Path, kind: str, seed: int, pairs: int) -> dict[str, Any]:
    """Let `pairs` pairs of runs start together, each pair with five services more."""
    del seed
    for pair in range(1, pairs + 1):
        read_end, write_end = os.pipe()
        rows = rows_of(5 * pair, 24)

        publish = partial(_publish, url, directory, kind, rows, pair)
        children = [_fork(partial(_when_told, publish, read_end)) for _ in range(2)]
        os.write(write_end, b"go")
        if any(os.waitpid(child, 0)[1] for child in children):
            raise SystemExit(f"a run of pair {pair} failed")
        os.close(read_end)
        os.close(write_end)
    return {"services": 5 * pairs, "hours": pairs}


if __name__ == "__main__":
    mode, ledger_url, folder, tracker_kind, seed_text, count_text = sys.argv[1:]
    run = {"kills": kills, "races": races}[mode]
    print(json.dumps(run(ledger_url, Path(folder), tracker_kind, int(seed_text), int(count_text))))
