"""dbt's own tests of the code: every unit test and every test tagged `ci`, over the demo's warehouse."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .flow_helpers import ROOT, Site

pytestmark = pytest.mark.xdist_group("demo")


def test_every_test_of_the_code_passes(
    demo: tuple[Site, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    site, first = demo
    assert first.returncode == 0, first.stdout
    shutil.copy(site.home / "warehouse.duckdb", tmp_path)
    environment = os.environ | {
        "DBT_PROFILES_DIR": str(ROOT / "profiles"),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PAYDOWN_WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
    }
    # Unit tests look up the columns of their inputs, so ephemeral models are built as views.
    variables = '{as_of: "2026-06-26 16:00:00", single_use: view}'

    def dbt(*arguments: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *arguments, "--vars", variables],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    dbt("run", "--quiet", "--select", "config.materialized:view")
    tested = dbt("test", "--select", "test_type:unit", "tag:ci")
    passed = re.search(r"PASS=(\d+)", tested)
    assert passed
    assert int(passed[1]) >= 100
