"""Runs the epics publisher in processes that get killed, or that race, for the tests.

    python -m tests.python.epics_driver kills LEDGER_URL DIRECTORY KIND SEED KILLS
    python -m tests.python.epics_driver races LEDGER_URL DIRECTORY KIND SEED PAIRS [PROMOTIONS]

KIND is `local` or `remote`.

Prints one JSON object about what happened. Imports once and forks for each run, which is fast.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from types import BuiltinFunctionType
from typing import Any

import duckdb

from orchestration.epics.candidates import epic_key, slug
from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run
from orchestration.ledger import EpicState, Ledger
from orchestration.trackers.local import LocalTracker
from orchestration.trackers.local_file import read_front_matter

from .decisions import publish, row, sql
from .fake_tracker import NOW, Clock, FakeTracker

# C functions around which a crash matters: statements, commits, and what touches files.
_BOUNDARIES = frozenset(
    {"execute", "commit", "link", "fsync", "write", "rename", "replace", "unlink", "flock"}
)
Rows = list[dict[str, Any]]


def rows_of(services: Iterable[str], score: int = 24, **columns: Any) -> Rows:
    """Rows of these services, all with this score."""
    given = {"score": score, "wip_limit": None} | columns
    return [row(f"component:default/{name}", **given) for name in services]


def over_rows(services: Iterable[str]) -> Rows:
    """Rows of services that are below the bands."""
    return rows_of(services, 3, decision="close")


def _publish(url: str, directory: Path, kind: str, rows: Rows, hour: int) -> EpicsReport:
    clock = Clock(NOW + timedelta(hours=hour))
    tracker = LocalTracker(directory) if kind == "local" else FakeTracker(directory, clock)
    return publish(rows, Run(Ledger(url), tracker, f"run-{hour}", NOW, clock))


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


def _suicidal(work: Callable[[], object], boundary: int, pipe: int) -> None:
    """Run `work`, killed before or after its n-th boundary, whose name is written to `pipe`."""
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
                os.write(pipe, f"{'before' if event == 'c_call' else 'after'} {name}".encode())
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    os.write(pipe, str(seen).encode())


def _when_signaled(work: Callable[[], object], pipe: int) -> None:
    os.read(pipe, 1)
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


def _open_then_over(names: list[str], score: int) -> Rows:
    """Rows of these services: the last twelve in the band, as far as there are more than three."""
    first = max(0, min(len(names) - 3, 2), len(names) - 12)
    return rows_of(names[first:], score) + over_rows(names[:first])


def races(
    url: str, directory: Path, kind: str, seed: int, pairs: int, promotions: int = 5
) -> dict[str, Any]:
    """Let `pairs` pairs of runs start together, over `promotions` new services each time; those of
    the pair before have news, and those of the one before that are over."""
    del seed
    rows: Rows = []
    for pair in range(1, pairs + 1):
        read_end, write_end = os.pipe()
        rows = [
            *rows_of(_names(pair, promotions)),
            *rows_of(_names(pair - 1, promotions), 27),
            *over_rows(_names(pair - 2, promotions)),
        ]
        publish = partial(_publish, url, directory, kind, rows, pair)
        children = [_fork(partial(_when_signaled, publish, read_end)) for _ in range(2)]
        os.write(write_end, b"go")
        codes = [os.waitpid(child, 0)[1] for child in children]
        if any(codes):
            raise SystemExit(f"a run of pair {pair} failed")
        os.close(read_end)
        os.close(write_end)
    over = [name for pair in range(1, pairs - 1) for name in _names(pair, promotions)]
    newest, one_before = _names(pairs, promotions), _names(pairs - 1, promotions)
    rows = rows_of(newest) + rows_of(one_before, 27) + over_rows(over)
    return {"runs": 2 * pairs} | verify(url, directory, kind, rows, pairs)


def _names(pair: int, promotions: int) -> list[str]:
    return [f"pair-{pair}-{n}" for n in range(promotions)] if pair > 0 else []


def verify(url: str, directory: Path, kind: str, rows: Rows, hour: int) -> dict[str, Any]:
    """What two clean runs leave: no duplicates, no losses, no second notification, then silence."""
    first = _publish(url, directory, kind, rows, hour + 1)
    second = _publish(url, directory, kind, rows, hour + 2)
    keys: Counter[str] = Counter()
    notified: Counter[str] = Counter()
    closed: set[str] = set()
    scores: dict[str, int] = {}
    for key, text, is_closed, score in (_local if kind == "local" else _remote)(directory):
        keys[key] += 1
        notified.update(re.findall(r"\bchange-\w+", text))
        closed |= {key} if is_closed else set()
        scores[key] = score
    tracker = "local" if kind == "local" else FakeTracker.name
    records = {record.key: record for record in Ledger(url).records(tracker)}
    wanted: set[str] = set()
    over: set[str] = set()
    stale: list[str] = []
    for each in rows:
        key = epic_key(each["service_id"], 1)
        if each["decision"] == "close":
            over.add(key)
        else:
            wanted |= {key, *(f"{key}-{slug(name)}" for name in each["fix_classes"].split(","))}
            stale += [key] if scores.get(key) != each["score"] else []
    # What a killed run wrote last isn't known to be untouched, so it is never closed.
    unsure = {record.parent_key or key for key, record in records.items() if record.version is None}
    return {
        "epics": len(rows),
        "keys": len(keys),
        "duplicates": sum(count - 1 for count in keys.values()),
        "lost": sorted(wanted - keys.keys()),
        "unknown_to_ledger": sorted(keys.keys() ^ records.keys()),
        "comments": sum(notified.values()),
        "notified_twice": sorted(mark for mark, count in notified.items() if count > 1),
        "not_closed": sorted((over & keys.keys()) - closed - unsure),
        "left_open": len((over & unsure) - closed),
        "closed_wrongly": sorted(closed & wanted),
        "closed": len(closed),
        "wrong_states": sorted(
            key
            for key, record in records.items()
            if record.state is not (EpicState.CLOSED if key in closed else EpicState.OPENED)
        ),
        "stale_figures": stale,
        "problems": [entry.reason for entry in (*first.failed, *first.waiting, *second.failed)],
        "is_quiet": not second.has_changes,
    }


def _local(directory: Path) -> Iterable[tuple[str, str, bool, int]]:
    """Key, text with comments, whether it is closed and score of each epic."""
    for path in directory.glob("*.md"):
        text = path.read_text()
        fields = read_front_matter(text)
        yield path.stem, text, fields["status"] == "done", int(str(fields["score"]))


def _remote(directory: Path) -> Iterable[tuple[str, str, bool, int]]:
    tracker = FakeTracker(directory)
    for epic in tracker.epics():
        lines = tracker.lines(epic["id"])
        scores = [int(line.split()[1]) for line in lines if line.startswith("score ")]
        yield epic["key"], "\n".join(lines), "closed" in lines, scores[-1]


if __name__ == "__main__":
    mode, ledger_url, folder, tracker_kind, *numbers = sys.argv[1:]
    sql()
    run = {"kills": kills, "races": races}[mode]
    print(json.dumps(run(ledger_url, Path(folder), tracker_kind, *map(int, numbers))))
