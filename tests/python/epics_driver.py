"""Runs the epics publisher in processes that get killed, or that race, for the tests.

    python -m tests.python.epics_driver kills LEDGER_URL DIRECTORY KIND SEED KILLS
    python -m tests.python.epics_driver races LEDGER_URL DIRECTORY KIND SEED PAIRS [PROMOTIONS]

KIND is `local` or `remote`.

Prints one JSON object about what happened. Imports once and forks for each run, which is fast.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

import duckdb

from orchestration.epics.content import epic_key, slug
from orchestration.epics.report import EpicsReport
from orchestration.ledger import EpicState, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter
from orchestration.trackers.protocol import (
    Check,
    CreateOutcome,
    EpicChange,
    EpicDraft,
    EpicRef,
    EpicStatus,
    Preview,
    PreviewOutcome,
    StatusOutcome,
    Tracker,
)

from .decisions import publish, sql

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

    An epic is a file `<key>.<uuid>.json`; `find` misses those younger than the search lag. Beside
    it are its comments, its figures, and a mark when it is closed.
    """

    name = "remote"
    batch_size = 50
    search_lag_seconds = 20.0
    longest_call_seconds = 30.0
    is_idempotent = False

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self._directory, self._clock = directory, clock
        directory.mkdir(parents=True, exist_ok=True)

    def find(self, keys: Collection[str]) -> Mapping[str, EpicRef]:
        visible_at = self._clock() - timedelta(seconds=self.search_lag_seconds)
        found = {}
        for name in os.listdir(self._directory):
            key, _, rest = name.partition(".")
            if key in keys and rest.endswith(".json"):
                epic = json.loads((self._directory / name).read_text())
                if datetime.fromisoformat(epic["at"]) <= visible_at:
                    ref_id = name.removesuffix(".json")
                    found[key] = EpicRef(key, ref_id, f"https://x/{ref_id}")
        return found

    def create(self, drafts: Sequence[EpicDraft]) -> Mapping[str, CreateOutcome]:
        outcomes: dict[str, CreateOutcome] = {}
        for draft in drafts:
            time.sleep(0.0005)  # So that racing runs overlap.
            name = f"{draft.key}.{uuid.uuid4().hex}"
            parent = draft.parent.id if draft.parent else None
            epic = {"key": draft.key, "at": str(self._clock()), "parent": parent}
            self._write(f"{name}.figures", {"score": draft.score, "slo_burn": draft.slo_burn})
            self._write(f"{name}.json", epic)
            outcomes[draft.key] = EpicRef(draft.key, name, f"https://x/{name}")
        return outcomes

    def check(self) -> Sequence[Check]:
        return [Check("directory", self._directory.is_dir(), str(self._directory))]

    def preview(self, drafts: Sequence[EpicDraft]) -> Mapping[str, PreviewOutcome]:
        return {draft.key: Preview({"key": draft.key}) for draft in drafts}

    def update(self, ref: EpicRef, change: EpicChange) -> None:
        comments = self._directory / f"{ref.id}.comments"
        told = comments.read_text().split() if comments.exists() else []
        if not (change.is_retry and change.change_id in told):
            with comments.open("a") as file:
                file.write(f"{change.change_id}\n")
        self._write(f"{ref.id}.figures", {"score": change.score, "slo_burn": change.slo_burn})

    def close(self, ref: EpicRef, change: EpicChange) -> None:
        self.update(ref, change)
        self._write(f"{ref.id}.closed", {"at": str(self._clock())})

    def status(self, refs: Collection[EpicRef]) -> Mapping[str, StatusOutcome]:
        names = set(os.listdir(self._directory))
        return {
            ref.key: EpicStatus(
                f"{ref.id}.closed" not in names, "?", ref.url, version=self._version(ref)
            )
            for ref in refs
            if f"{ref.id}.json" in names
        }

    def _version(self, ref: EpicRef) -> str:
        parts = sorted(self._directory.glob(f"{ref.id}.*"))
        return hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        temporary = self._directory / f".{uuid.uuid4().hex}"
        temporary.write_text(json.dumps(content))
        temporary.rename(self._directory / name)


class _Clock:
    """Wall-clock time of one run; sleeping moves it."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def __call__(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def rows_of(services: Iterable[str], score: int = 24, **columns: Any) -> list[dict[str, Any]]:
    """Rows of these services, all with this score."""
    return [
        row(
            f"component:default/{name}",
            score=score,
            wip_limit=None,
            **columns,
        )
        for name in services
    ]


def _tracker(directory: Path, kind: str, clock: Callable[[], datetime]) -> Tracker:
    return LocalTracker(directory) if kind == "local" else RemoteTracker(directory, clock)


def _publish(
    url: str, directory: Path, kind: str, rows: list[dict[str, Any]], hour: int
) -> EpicsReport:
    clock = _Clock(NOW + timedelta(hours=hour))
    return publish(
        rows,
        Ledger(url),
        _tracker(directory, kind, clock),
        now=NOW,
        run_id=f"run-{hour}",
        clock=clock,
        sleep=clock.sleep,
    )


def _fork(work: Callable[[], object]) -> int:
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


def _suicidal(work: Callable[[], object], boundary: int, told: int) -> None:
    """Run `work`, killed before or after its n-th boundary, whose name is written to `told`."""
    seen = 0

    def profile(_frame: object, event: str, function: object) -> None:
        nonlocal seen
        if type(function) is not BuiltinFunctionType:
            return
        name = function.__name__
        if event not in {"c_call", "c_return"} or name not in _BOUNDARIES:
            return
        in_memory = str | datetime | StringIO | duckdb.DuckDBPyConnection
        if not isinstance(function.__self__, in_memory):
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


def _when_told(work: Callable[[], object], told: int) -> None:
    os.read(told, 1)
    work()


def kills(url: str, directory: Path, kind: str, seed: int, count: int) -> dict[str, Any]:
    """Kill `count` runs. There is a new service every few hours; the newest have scores and
    budgets that change now and then, those before them are over."""
    dice = random.Random(seed)
    points: Counter[str] = Counter()
    boundaries, hour = 0, 0
    names: list[str] = []
    score = 24
    while points.total() < count:
        hour += 1
        names = [f"service-{n}" for n in range(3 + hour // 4)]
        score = 24 + dice.randrange(2)
        rows = _open_then_over(names[-18:], score)
        read_end, write_end = os.pipe()
        # The first run lives, to learn how many boundaries a run has; so do some later ones.
        boundary = dice.randrange(1, int(1.2 * boundaries)) if boundaries else sys.maxsize

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
    rows = _open_then_over(names, score)
    return {"runs": hour, "points": points} | verify(url, directory, kind, rows, hour)


def _open_then_over(names: list[str], score: int) -> list[dict[str, Any]]:
    """Rows of these services: the last twelve in the band, as far as there are more than three."""
    first = max(0, min(len(names) - 3, 2), len(names) - 12)
    return rows_of(names[first:], score) + rows_of(names[:first], 3, decision="close")


def races(
    url: str, directory: Path, kind: str, seed: int, pairs: int, promotions: int = 5
) -> dict[str, Any]:
    """Let `pairs` pairs of runs start together, over `promotions` new services each time; those of
    the pair before have news, and those of the one before that are over."""
    del seed
    rows: list[dict[str, Any]] = []
    for pair in range(1, pairs + 1):
        read_end, write_end = os.pipe()
        rows = [
            *rows_of(_names(pair, promotions)),
            *rows_of(_names(pair - 1, promotions), 27),
            *rows_of(_names(pair - 2, promotions), 3, decision="close"),
        ]
        publish = partial(_publish, url, directory, kind, rows, pair)
        children = [_fork(partial(_when_told, publish, read_end)) for _ in range(2)]
        os.write(write_end, b"go")
        codes = [os.waitpid(child, 0)[1] for child in children]
        if any(codes):
            raise SystemExit(f"a run of pair {pair} failed")
        os.close(read_end)
        os.close(write_end)
    rows = [
        *rows_of(_names(pairs, promotions)),
        *(row for pair in range(1, pairs) for row in rows_of(_names(pair, promotions), 27)),
    ]
    over = {name for pair in range(1, pairs - 1) for name in _names(pair, promotions)}
    for each in rows:
        if each["service_name"] in over:
            each |= {"score": 3, "decision": "close"}
    return {"runs": 2 * pairs} | verify(url, directory, kind, rows, pairs)


def _names(pair: int, promotions: int) -> list[str]:
    return [f"pair-{pair}-{n}" for n in range(promotions)] if pair > 0 else []


def verify(
    url: str, directory: Path, kind: str, rows: list[dict[str, Any]], hour: int
) -> dict[str, Any]:
    """What two clean runs leave: nothing twice, nothing lost, nothing told twice, then silence."""
    first = _publish(url, directory, kind, rows, hour + 1)
    second = _publish(url, directory, kind, rows, hour + 2)
    if kind == "local":
        keys = Counter(path.stem for path in directory.glob("*.md"))
        texts = [path.read_text() for path in directory.glob("*.md")]
        told = Counter(mark for text in texts for mark in re.findall(r"`(change-\w+)`", text))
        closed = {
            path.stem
            for path in directory.glob("*.md")
            if read_front_matter(path.read_text())["status"] == "done"
        }
    else:
        keys = Counter(path.name.split(".")[0] for path in directory.glob("*.json"))
        texts = [path.read_text() for path in directory.glob("*.comments")]
        told = Counter(line for text in texts for line in text.split())
        closed = {path.name.split(".")[0] for path in directory.glob("*.closed")}
    ledger = Ledger(url)
    records = {record.key: record for record in ledger.records(kind)}
    wanted: set[str] = set()
    over: set[str] = set()
    for each in rows:
        key = epic_key(each["service_id"], 1)
        if each["decision"] == "close":
            over.add(key)
        else:
            wanted |= {key, *(f"{key}-{slug(name)}" for name in each["fix_classes"].split(","))}
    # What a killed run wrote last isn't known to be untouched, so it is never closed.
    unsure = {record.parent_key or key for key, record in records.items() if record.version is None}
    return {
        "epics": len(rows),
        "keys": len(keys),
        "duplicates": sum(count - 1 for count in keys.values()),
        "lost": sorted(wanted - keys.keys()),
        "unknown_to_ledger": sorted(keys.keys() ^ records.keys()),
        "comments": sum(told.values()),
        "notified_twice": sorted(mark for mark, count in told.items() if count > 1),
        "not_closed": sorted((over & keys.keys()) - closed - unsure),
        "left_open": len((over & unsure) - closed),
        "closed_wrongly": sorted(closed & wanted),
        "closed": len(closed),
        "wrong_states": sorted(
            key
            for key, record in records.items()
            if record.state is not (EpicState.CLOSED if key in closed else EpicState.OPENED)
        ),
        "stale_figures": _stale(directory, kind, rows),
        "problems": [entry.reason for entry in (*first.failed, *first.waiting, *second.failed)],
        "is_quiet": not second.has_changes,
    }


def _stale(directory: Path, kind: str, rows: list[dict[str, Any]]) -> list[str]:
    """Open epics whose figures in the tracker are not those of the rows."""
    stale = []
    for each in rows:
        key = epic_key(each["service_id"], 1)
        if each["decision"] == "close":
            continue
        if kind == "local":
            text = (directory / f"{key}.md").read_text()
            score = int(str(read_front_matter(text)["score"]))
        else:
            (epic,) = directory.glob(f"{key}.*.json")
            score = json.loads(epic.with_suffix(".figures").read_text())["score"]
        if score != each["score"]:
            stale.append(key)
    return stale


if __name__ == "__main__":
    mode, ledger_url, folder, tracker_kind, *numbers = sys.argv[1:]
    sql()
    run = {"kills": kills, "races": races}[mode]
    print(json.dumps(run(ledger_url, Path(folder), tracker_kind, *map(int, numbers))))
