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
    tested = subprocess.run(
        [
            str(Path(sys.executable).with_name("dbt")), "test", "--select", "test_type:unit", "tag:ci",
            "--vars", '{as_of: "2026-06-26 16:00:00"}',
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout[-5000:]
    passed = re.search(r"PASS=(\d+)", tested.stdout)
    assert passed
    assert int(passed[1]) >= 100
