"""How long it takes to lay measurements over incidents: `python benchmarks/slo.py` prints a table.

One process compiles the models and runs their SQL on DuckDB, over measurements of five minutes and
incidents that are always the same. Most incidents last hours; one in fifty is months long. A second
run with twice as many measurements and incidents shows how it grows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from string import Template

import duckdb

ROOT = Path(__file__).resolve().parents[1]
AS_OF = "2027-01-01 00:00:00"
MODELS = ("int_slo__pieces", "int_slo__incident_burn", "fct_incident_burn", "rpt_slo_budget")
PER_SLO = 100_000  # nearly a year of five minutes

BUDGETS = """
create table paydown_intermediate.int_slo__budgets as
select
    'slo-' || n as slo_id,
    'service-' || n // 2 as service_id,
    'slo-' || n as slo_name,
    'availability' as indicator_kind,
    'file' as objective_source,
    cast(0.999 as double) as objective,
    cast(30 as double) as window_days,
    cast(2592000 as double) as period_seconds,
    cast(2592 as double) as budget_seconds
from range($samples // $per_slo) as slos (n)
"""
RATES = """
create table paydown_intermediate.int_slo__burn_rates as
select
    'slo-' || n // $per_slo as slo_id,
    'prometheus' as burn_source,
    300 as window_seconds,
    (hash(n) % 1000) / 100000.0::double as error_ratio,
    (hash(n) % 1000) / 100.0::double as burn_rate,
    cast(null as double) as covered_share,
    cast($as_of as timestamp) - to_seconds(300 * (n % $per_slo)) as measured_at
from range($samples) as measured (n)
"""
WINDOWS = """
create table paydown_intermediate.int_slo__incident_windows as
select
    'incident-' || n as incident_id,
    'service-' || n % ($samples // $per_slo // 2) as service_id,
    starts_epoch,
    least(
        starts_epoch + case when n % 50 = 0 then 7776000 else 600 + hash(n + 1) % 14400 end,
        epoch(cast($as_of as timestamp))
    )::bigint as ends_epoch
from (
    select
        n,
        epoch(cast($as_of as timestamp))::bigint - (hash(n) % 31000000)::bigint as starts_epoch
    from range($incidents) as incidents (n)
)
"""
COUNTED = """
create table paydown_intermediate.int_incidents__counted as
select incident_id, service_id, 'resolved' as incident_status
from paydown_intermediate.int_slo__incident_windows
"""


def compiled(folder: Path, models: Sequence[str] = MODELS, **variables: str) -> dict[str, str]:
    """Model -> its SQL as of `AS_OF`; dbt writes to the folder."""
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_WAREHOUSE": str(folder / "warehouse.duckdb"),
    }
    subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), "compile", "--quiet", "--no-introspect",
            "--no-populate-cache", "--select", *models,
            "--vars", json.dumps({"as_of": AS_OF} | variables),
        ],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found = (folder / "target" / "compiled" / "paydown" / "models").rglob("*.sql")
    return {file.stem: file.read_text() for file in found}


def child(folder: Path, models: Path, samples: int, incidents: int, memory: str) -> None:
    """Fill the tables, build the models, print rows, seconds and peak memory so far of each."""
    sizes = {"samples": samples, "per_slo": PER_SLO, "incidents": incidents, "as_of": f"'{AS_OF}'"}
    with duckdb.connect() as con:
        con.execute(f"attach '{folder}/warehouse.duckdb' as warehouse; use warehouse")
        con.execute(f"set memory_limit = '{memory}'; set preserve_insertion_order = false")
        con.execute("create schema paydown_intermediate; create schema paydown_marts")
        for sql in (BUDGETS, RATES, WINDOWS, COUNTED):
            con.execute(Template(sql).substitute(sizes))
        con.execute("checkpoint warehouse")
        for model, sql in json.loads(models.read_text()).items():
            schema = "intermediate" if model.startswith("int_") else "marts"
            started = time.monotonic()
            created = con.execute(f"create table paydown_{schema}.{model} as {sql}").fetchone()
            seconds = time.monotonic() - started
            rows = created[0] if created else 0
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps([model, rows, seconds, peak]), flush=True)


def run(models: Path, samples: int, incidents: int, memory: str) -> None:
    with tempfile.TemporaryDirectory(prefix="paydown-benchmark-") as folder:
        command = [sys.executable, __file__, "--child", folder, str(models)]
        command += ["--samples", str(samples), "--incidents", str(incidents), "--memory", memory]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    total = 0.0
    for line in done.stdout.splitlines():
        model, rows, seconds, peak = json.loads(line)
        total += seconds
        print(f"| {samples:,} | {incidents:,} | {model} | {rows:,} | {seconds:.1f} | {peak:,.0f} |")
    print(f"| {samples:,} | {incidents:,} | all | | {total:.1f} | |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--incidents", type=int, default=20_000)
    parser.add_argument("--memory", default="4GB", help="what DuckDB may take before it spills")
    parser.add_argument("--child", nargs=2, type=Path, metavar=("FOLDER", "MODELS"))
    arguments = parser.parse_args()
    sizes = arguments.samples, arguments.incidents
    if arguments.child:
        child(*arguments.child, *sizes, arguments.memory)
        return
    with tempfile.TemporaryDirectory(prefix="paydown-benchmark-") as scratch:
        found = compiled(Path(scratch))
        models = Path(scratch, "models.json")
        models.write_text(json.dumps({model: found[model] for model in MODELS}))
        print(
            f"{platform.machine()}, {os.cpu_count()} CPUs, DuckDB {duckdb.__version__} with "
            f"{arguments.memory}; load average before: {os.getloadavg()[0]:.1f}\n"
        )
        print("| measurements | incidents | model | rows | s | peak MB of the process so far |")
        print("| --: | --: | --- | --: | --: | --: |")
        run(models, sizes[0] // 2, sizes[1] // 2, arguments.memory)
        run(models, *sizes, arguments.memory)


if __name__ == "__main__":
    main()
