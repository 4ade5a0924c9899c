"""The samples loaded in two steps, the newest files first, give the marts of the demo."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.configuration import READERS

from .dbt_in_process import Dbt
from .flow_helpers import ROOT, SAMPLES, Demo
from .loader_helpers import Landing, project_streams

# What is about the loads themselves, and what the demo opened.
LEFT_OUT = {"rpt_data_quality": "newest_load_at", "rpt_load_quality": "load_id, loaded_at"}
NO_EPICS = "source_name not in ('paydown', 'local')"


@pytest.mark.slow
def test_the_order_of_loading_changes_no_mart(demo: Demo, dbt: Dbt, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.roots["modernization"] = ROOT / "modernization"
    files = sorted((path for path in SAMPLES.rglob("*") if path.is_file()), reverse=True)
    streams = project_streams()
    for batch in (files[: len(files) // 2], files):
        for path in batch:
            copied = landing.roots["landing"] / path.relative_to(SAMPLES)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
        landing.load(*streams, readers=READERS)
    dbt("build", "--exclude-resource-type", "test", "unit_test", warehouse=landing.warehouse)

    with duckdb.connect() as con:
        con.execute(f"attach '{demo.site.published}' as here (read_only)")
        con.execute(f"attach '{landing.warehouse}' as warehouse (read_only)")
        marts = con.execute(
            "select table_name from duckdb_tables() where database_name = 'here'"
        ).fetchall()
        assert len(marts) >= 20
        for (mart,) in sorted({*marts} - {("fct_epics",)}):
            chosen = f"* exclude ({LEFT_OUT[mart]})" if mart in LEFT_OUT else "*"
            where = f"where {NO_EPICS}" if mart in LEFT_OUT else ""
            here = f"select {chosen} from here.{mart} {where}"
            there = f"select {chosen} from warehouse.paydown_marts.{mart} {where}"
            different = con.execute(
                f"select * from (({here} except all {there}) union all by name "
                f"({there} except all {here})) limit 4"
            ).fetchall()
            assert different == [], mart
