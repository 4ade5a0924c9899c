"""How long loading takes, as whole processes: `python benchmarks/load.py` prints a table.

Each run is a process of its own that imports what it needs, loads one NDJSON file of nested
PagerDuty incidents into a new DuckDB file and ends. `--rows` and `--runs` change the size;
`--normalizer-rows` is how many of them dlt's own JSON normalizer gets, which takes minutes for all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "models/staging/pagerduty/_pagerduty__sources.yml"


@dataclass(frozen=True)
class Result:
    """One way to load: rows, seconds of each whole process, and peak memory in MB."""

    name: str
    rows: int
    seconds: list[float]
    megabytes: float

    def __str__(self) -> str:
        median = statistics.median(self.seconds)
        rate = f"{self.rows / median:,.0f}"
        runs = ", ".join(f"{one:.1f}" for one in self.seconds)
        return (
            f"| {self.name} | {self.rows:,} | {median:.1f} | {runs} | {rate} | "
            f"{self.megabytes:,.0f} |"
        )


def incidents(number: int) -> Iterator[dict[str, Any]]:
    """Incidents as PagerDuty's REST API nests them, about 1.9 KB each, always the same."""
    chance = random.Random(1)  # noqa: S311
    for n in range(number):
        service, minute = n % 25, n // 5
        day, rest = divmod(minute, 1440)
        opened = f"2026-{1 + day // 28 % 12:02}-{1 + day % 28:02}T{rest // 60:02}:{rest % 60:02}"
        reference = {
            "id": f"PSVC{service:02}", "type": "service_reference", "summary": f"service-{service}",
            "self": f"https://api.pagerduty.com/services/PSVC{service:02}", "html_url": None,
        }  # fmt: skip
        people = [
            {"at": f"{opened}:00Z", "assignee": {
                "id": f"PUSR{p:02}", "type": "user_reference", "summary": "Someone On Call",
                "self": f"https://api.pagerduty.com/users/PUSR{p:02}",
            }}
            for p in range(chance.randrange(3))
        ]  # fmt: skip
        yield {
            "id": f"Q{n:013}",
            "type": "incident",
            "incident_number": n,
            "title": f"[FIRING:1] HighLatency service-{service} (p99 above 2 s)",
            "description": "p99 latency above two seconds for five minutes",
            "status": "resolved",
            "urgency": chance.choice(["high", "low"]),
            "priority": {"id": "PPRI1", "type": "priority_reference", "summary": "P2"},
            "incident_key": f"{chance.getrandbits(128):032x}",
            "service": reference,
            "assignments": people,
            "teams": [{"id": "PTEAM1", "type": "team_reference", "summary": "Payments"}],
            "body": {
                "type": "incident_body",
                "details": {
                    "app.kubernetes.io/name": f"service-{service}",
                    "labels": {"service_owner": f"team-{service % 5}", "env": "production"},
                    "annotations": {"runbook": "https://wiki.example.com/" + "x" * 200},
                    "values": [chance.random() for _ in range(10)],
                },
            },
            "first_trigger_log_entry": {
                "id": f"R{n:013}",
                "type": "trigger_log_entry",
                "channel": {"type": "api", "details": {"query": "histogram_quantile(0.99, ...)"}},
            },
            "html_url": f"https://example.pagerduty.com/incidents/Q{n:013}",
            "created_at": f"{opened}:00Z",
            "resolved_at": f"{opened}:59Z",
            "updated_at": f"{opened}:59Z",
        }


def paydown(home: Path, folder: Path, streams: Sequence[str] = ("incidents",)) -> int:
    import yaml

    from orchestration.loader import contracts_from_manifest, load_landing
    from orchestration.warehouse import FileWarehouse

    (source,) = yaml.safe_load(SOURCES.read_text())["sources"]
    nodes = {
        table["name"]: {
            "source_name": source["name"],
            "original_file_path": str(SOURCES.relative_to(ROOT)),
            "columns": {column["name"]: column for column in table["columns"]},
            **{key: table[key] for key in ("name", "identifier", "config")},
        }
        for table in source["tables"]
        if table["name"] in streams
    }
    contracts = contracts_from_manifest({"sources": nodes})
    warehouse = FileWarehouse(home / "warehouse.duckdb", home / "dlt")
    return load_landing(contracts, {"landing": folder}, warehouse, {}).rows_loaded


def normalizer(home: Path, folder: Path) -> int:
    import dlt

    @dlt.resource(name="incidents", write_disposition="append")
    def records() -> Iterator[dict[str, Any]]:
        with _file(folder).open() as file:
            for line in file:
                yield json.loads(line)

    pipeline = _pipeline(dlt, home)
    pipeline.run(records(), loader_file_format="parquet").raise_on_failed_jobs()
    return sum(1 for _ in _file(folder).open())


def duckdb_alone(home: Path, folder: Path) -> int:
    import duckdb

    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        con.execute("create table incidents as select * from read_json($1)", [str(_file(folder))])
        return (con.execute("select count(*) from incidents").fetchone() or (0,))[0]


WAYS = {
    "paydown": ("paydown: checked, projected, quarantined, with payload", paydown),
    "normalizer": ("dlt's JSON normalizer, dicts from a generator", normalizer),
    "duckdb": ("DuckDB alone: `read_json` into a table, nothing checked", duckdb_alone),
}


def _pipeline(dlt: Any, home: Path) -> Any:
    return dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb(str(home / "warehouse.duckdb")),
        dataset_name="raw",
        pipelines_dir=str(home / "dlt"),
    )


def _file(folder: Path) -> Path:
    return folder / "pagerduty" / "incidents" / "export.ndjson"


def _write(folder: Path, rows: int) -> Path:
    _file(folder).parent.mkdir(parents=True)
    with _file(folder).open("w") as file:
        file.writelines(json.dumps(one) + "\n" for one in incidents(rows))
    return folder


def _run(way: str, folder: Path, rows: int, runs: int) -> Result:
    seconds, megabytes = [], 0.0
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="paydown-benchmark-") as home:
            command = [sys.executable, __file__, "--child", way, home, str(folder)]
            environment = os.environ | {
                "PYTHONPATH": str(ROOT),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "RUNTIME__LOG_LEVEL": "ERROR",
            }
            started = time.monotonic()
            run = subprocess.run(command, env=environment, capture_output=True, check=True)
            seconds.append(time.monotonic() - started)
            loaded, peak = json.loads(run.stdout.splitlines()[-1])
            if loaded != rows:
                raise SystemExit(f"{way} loaded {loaded:,} of {rows:,} rows")
            megabytes = max(megabytes, peak / 1024)
    return Result(WAYS[way][0], rows, seconds, megabytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--normalizer-rows", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--child", nargs=3, metavar=("WAY", "HOME", "FOLDER"))
    arguments = parser.parse_args()
    if arguments.child:
        way, home, folder = arguments.child
        rows = WAYS[way][1](Path(home), Path(folder))
        print(json.dumps([rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
        return
    with tempfile.TemporaryDirectory(prefix="paydown-benchmark-") as scratch:
        many = _write(Path(scratch, "many"), arguments.rows)
        few = _write(Path(scratch, "few"), arguments.normalizer_rows)
        size = _file(many).stat().st_size / 1e6
        print(
            f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; "
            f"{arguments.rows:,} incidents in {size:,.0f} MB of NDJSON; "
            f"load average before: {os.getloadavg()[0]:.1f}\n"
        )
        print("| way | rows | median s | runs | rows/s | peak MB |")
        print("| --- | --: | --: | --- | --: | --: |")
        print(_run("paydown", many, arguments.rows, arguments.runs), flush=True)
        print(_run("duckdb", many, arguments.rows, arguments.runs), flush=True)
        print(_run("paydown", few, arguments.normalizer_rows, arguments.runs), flush=True)
        print(_run("normalizer", few, arguments.normalizer_rows, 1), flush=True)


if __name__ == "__main__":
    main()
