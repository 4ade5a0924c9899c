"""dbt over the demo's warehouse: its own tests of the code (unit tests, and those tagged `ci`), and
how tables are replaced."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from .dbt_in_process import Dbt
from .flow_helpers import Demo, Site, ask


def test_every_test_of_the_code_passes(demo: Demo, dbt: Dbt, tmp_path: Path) -> None:
    shutil.copy(demo.site.warehouse, tmp_path)
    warehouse = tmp_path / "warehouse.duckdb"
    # Unit tests look up the columns of their inputs, so ephemeral models are built as views.
    dbt("run", "--select", "config.materialized:view", warehouse=warehouse, inline=False)
    results = dbt("test", "--select", "test_type:unit", "tag:ci", warehouse=warehouse, inline=False)
    assert len(results) >= 100


def test_a_model_that_fails_leaves_its_table_as_it_was(
    demo: Demo, dbt: Dbt, tmp_path: Path
) -> None:
    warehouse = Path(shutil.copy(demo.site.warehouse, tmp_path))
    rows = "select * from paydown_marts.dim_services order by service_id"
    before = ask(warehouse, rows)
    with duckdb.connect(str(warehouse)) as con:
        con.execute("update paydown_intermediate.int_scoring__services set service_id = null")
    with pytest.raises(AssertionError, match="NOT NULL constraint failed"):
        dbt("run", "--select", "dim_services", warehouse=warehouse)
    assert ask(warehouse, rows) == before != []


def test_a_table_takes_the_place_of_a_view(demo: Demo, dbt: Dbt, tmp_path: Path) -> None:
    warehouse = Path(shutil.copy(demo.site.warehouse, tmp_path))
    rows = "select * from paydown_marts.dim_teams order by team_id"
    before = ask(warehouse, rows)
    with duckdb.connect(str(warehouse)) as con:
        con.execute("drop table paydown_marts.dim_teams")
        con.execute("create view paydown_marts.dim_teams as select 1 as one")
    for _ in range(2):
        dbt("run", "--select", "dim_teams", warehouse=warehouse)
    assert ask(warehouse, rows) == before != []


def test_a_warehouse_that_is_held_is_reported_with_its_holder(demo_copy: Site) -> None:
    """By a back-fill too, which opens it by dbt alone."""
    hold = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(demo_copy.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout
        holder.stdout.readline()
        done = demo_copy.command("backfill", "--from", "2026-02-01", "--to", "2026-02-01")
        holder.communicate("\n", timeout=30)
    assert done.returncode == 1
    said = " ".join((done.stdout + done.stderr).split())
    assert f"(process {holder.pid}) has it open, such as a run; try again when it is done" in said
