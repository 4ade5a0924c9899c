"""The samples loaded in two goes, the newest files first, give the marts of the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.configuration import READERS

from .flow_helpers import ROOT, SAMPLES, Site
from .loader_helpers import Landing, project_streams

pytestmark = pytest.mark.xdist_group("demo")

# What tells of the loads themselves.
# The demo's epics may have been read back; here no epic was opened.
NO_EPICS = "source_name not in ('paydown', 'local')"
LEFT_OUT = {"rpt_data_quality": "newest_load_at", "rpt_load_quality": "load_id, loaded_at"}


def test_the_order_of_loading_changes_no_mart(
    demo: tuple[Site, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    site, first = demo
    assert first.returncode == 0, first.stdout
    landing = Landing(tmp_path)
    landing.roots["modernization"] = ROOT / "modernization"
    files = sorted((path for path in SAMPLES.rglob("*") if path.is_file()), reverse=True)
    streams = project_streams()
    for batch in (files[: len(files) // 2], files):
        for path in batch:
            there = landing.roots["landing"] / path.relative_to(SAMPLES)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
        landing.load(*streams, readers=READERS)
    _build(site, landing)

    with duckdb.connect() as con:
        con.execute(f"attach '{site.published}' as here (read_only)")
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


def _build(site: Site, landing: Landing) -> None:
    target = landing.home / "target"
    shutil.copytree(site.home / "dbt" / "target", target)
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(landing.home / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_WAREHOUSE": str(landing.warehouse),
    }
    built = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), "build", "--exclude-resource-type",
            "test", "unit_test", "--vars", '{as_of: "2026-06-26 16:00:00"}',
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-5000:]
