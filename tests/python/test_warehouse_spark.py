"""Models on Spark, a master and two workers, give what they give on DuckDB."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from .dbt_in_process import DEMO_AS_OF
from .flow_helpers import ROOT, Demo
from .postgres_helpers import differences

PYTHON = ROOT / ".venv-spark" / "bin" / "python"


def export(warehouse: Path, folder: Path) -> None:
    """Write the tables of `raw` as Parquet, but dlt's own."""
    folder.mkdir()
    with duckdb.connect(str(warehouse), read_only=True) as con:
        tables = "select table_name from duckdb_tables() where schema_name = 'raw'"
        for (table,) in con.execute(tables).fetchall():
            if not table.startswith("_dlt"):
                con.execute(f"copy raw.{table} to '{folder}/{table}.parquet'")


def load(tables: Path, warehouse: Path) -> None:
    """Take what Spark built into a file of DuckDB, each schema under its name."""
    with duckdb.connect(str(warehouse)) as con:
        for table in tables.glob("*.db/*/"):
            schema = table.parent.stem
            con.execute(f"create schema if not exists {schema}")
            con.execute(f"create table {schema}.{table.name} as from '{table}/*.parquet'")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_marts_and_values_of_macros(demo: Demo, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no Spark; `make .venv-spark/ready` installs it")
    if not shutil.which("java"):
        pytest.skip("no Java, on which Spark runs (Debian: openjdk-17-jre-headless)")
    export(demo.site.warehouse, tmp_path / "raw")
    paths = {"profiles_dir": ROOT / "tests/spark", "target_path": tmp_path, "log_path": tmp_path}
    own = {f"DBT_{name.upper()}": str(path) for name, path in paths.items()}
    done = subprocess.run(
        [str(PYTHON), "tests/spark/build.py", str(tmp_path), DEMO_AS_OF,
         "--indirect-selection", "empty",
         "--select", "resource_type:seed", "resource_type:model", "path:tests/dbt/macros"],
        cwd=ROOT, env=os.environ | own, capture_output=True, text=True, timeout=7000, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    tests = (ROOT / "tests/dbt/macros").glob("*.sql")
    assert [file.stem for file in tests if file.stem not in done.stdout] == []

    load(tmp_path / "tables", tmp_path / "spark.duckdb")
    found = [
        difference
        for schema in ("paydown_marts", "paydown_semantic")
        for difference in differences(demo.site.warehouse, tmp_path / "spark.duckdb", schema)
    ]
    assert found == []
