"""One run as the flow makes it, but for the warehouse: refresh, export, decide, act.

The decisions are those of the models, over candidates that a test fills in.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import yaml

from orchestration.epics.publisher import publish_epics
from orchestration.epics.refresh import Refreshed, refresh
from orchestration.epics.report import EpicsReport
from orchestration.epics.run import Run, utc_now
from orchestration.ledger import Ledger, export_epics
from orchestration.ledger.export import FILE
from orchestration.trackers.protocol import Tracker

from .compiled_models import AS_OF
from .dbt_in_process import Dbt, parse
from .flow_helpers import ROOT

MODELS = ("stg_paydown__epics", "int_promotion__comparisons", "rpt_epic_decisions")
# A file with the models' SQL, for processes that need not compile it themselves.
SQL_FILE = "PAYDOWN_TEST_SQL"


@cache
def sql() -> Mapping[str, str]:
    """Model -> its SQL for DuckDB."""
    if path := os.environ.get(SQL_FILE):
        return dict(json.loads(Path(path).read_text()))
    with TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest"
        parse("duckdb", manifest)
        return Dbt(lambda _: manifest, Path(folder)).compiled(*MODELS, as_of=AS_OF)


def publish(
    rows: Sequence[Mapping[str, Any]],
    ledger: Ledger,
    tracker: Tracker,
    *,
    now: datetime,
    run_id: str = "run",
    dry_run: bool = False,
    shrunk: Sequence[str] = (),
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
) -> EpicsReport:
    """What `rows` lead to; a dry run rests on what the last run learnt, as `paydown epics` does."""
    run = Run(ledger, tracker, run_id, now, clock, sleep)
    refreshed = Refreshed() if dry_run else refresh(run)
    with TemporaryDirectory() as folder:
        export_epics(
            ledger,
            Path(folder),
            tracker=tracker.name,
            problems=refreshed.problems,
            unreachable=refreshed.unreachable,
        )
        decided = decide(rows, Path(folder), shrunk)
    report = publish_epics(
        decided, ledger, tracker, dry_run=dry_run, now=now, run_id=run_id, clock=clock, sleep=sleep
    )
    assert sum(report.counts.values()) == len(rows), "every row is in exactly one part"
    return report


def decide(
    rows: Sequence[Mapping[str, Any]], export: Path, shrunk: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """`rows` of `rpt_promotion_candidates`, each with what is decided over the ledger's export.

    export: the folder of the file. shrunk: streams that lost records.
    """
    with duckdb.connect() as con:
        con.execute("set threads = 1; attach ':memory:' as warehouse; use warehouse")
        for schema in ("raw", "paydown_staging", "paydown_intermediate", "paydown_marts"):
            con.execute(f"create schema {schema}")
        _fill(con, "paydown_marts.rpt_promotion_candidates", _columns("marts/promotion"), rows)
        con.execute(
            "create table paydown_staging.stg_paydown__loads as select 1 load_id, true is_current"
        )
        contract = _columns("staging/paydown", "epics")
        records = [json.loads(line) for line in (export / FILE).read_text().splitlines()]
        stamped = [record | {"_load_id": 1, "_loaded_at": None} for record in records]
        _fill(
            con,
            "raw.paydown__epics",
            contract | {"_load_id": "bigint", "_loaded_at": "timestamp"},
            stamped,
        )
        kinds = {"stream_id": "varchar"} | dict.fromkeys(
            ("most_files", "files_now", "most_records", "records_now"), "bigint"
        )
        losses = [
            {"stream_id": s, "most_files": 2, "files_now": 1, "most_records": 9, "records_now": 4}
            for s in shrunk
        ]
        _fill(con, "paydown_intermediate.int_promotion__shrunk_inputs", kinds, losses)
        con.execute(f"create view paydown_staging.{MODELS[0]} as {sql()[MODELS[0]]}")
        con.execute(f"create table paydown_intermediate.{MODELS[1]} as {sql()[MODELS[1]]}")
        result = con.execute(sql()[MODELS[2]])
        names = [column[0] for column in result.description or []]
        decisions = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    found = {decision["service_id"]: decision for decision in decisions}
    return [dict(row) | found[row["service_id"]] for row in rows]


@cache
def _columns(folder: str, table: str | None = None) -> dict[str, str]:
    """Name -> type, of a source's table or of the first model of a folder."""
    found = {}
    for path in (ROOT / "models" / folder).glob("_*.yml"):
        document = yaml.safe_load(path.read_text())
        tables = [t for source in document.get("sources", []) for t in source["tables"]]
        wanted = [t for t in tables if t["name"] == table] if table else document.get("models", [])
        for each in wanted:
            if table or each["name"] == "rpt_promotion_candidates":
                found |= {c["name"]: c["data_type"] for c in each["columns"]}
    return found


def _fill(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    con.execute(f"create table {table} ({typed})")
    if rows:
        values = [[row[name] for name in columns] for row in rows]
        con.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", values)


# What the decisions add to a row that is to be opened, for tests without models.
DECIDED: dict[str, Any] = {
    "epic_action": "open",
    "section": "opened",
    "reason": "score 24, band promote_to_epic",
    "epic_key": None,
    "previous_epic_key": None,
    "shared_epic_key": None,
    "team": "team-edge",
    "cycle_number": 1,
    "update_count": None,
    "has_stories": True,
    "tracker_problem": None,
}
