"""Macros of `macros/cross_db` on Spark, a master and two workers, give what they give elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .dbt_in_process import DEMO_AS_OF
from .flow_helpers import ROOT

PYTHON = ROOT / ".venv-spark" / "bin" / "python"
TESTS, SEEDS = ROOT / "tests" / "dbt" / "macros", ROOT / "seeds"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_seeds_and_values_of_macros(tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip("no Spark; `make .venv-spark/ready` installs it")
    if not shutil.which("java"):
        pytest.skip("no Java, on which Spark runs (Debian: openjdk-17-jre-headless)")
    paths = {"profiles_dir": ROOT / "tests/spark", "target_path": tmp_path, "log_path": tmp_path}
    own = {f"DBT_{name.upper()}": str(path) for name, path in paths.items()}
    done = subprocess.run(
        [str(PYTHON), "tests/spark/build.py", str(tmp_path), DEMO_AS_OF,
         "--indirect-selection", "cautious",
         "--select", f"path:{TESTS.relative_to(ROOT)}", f"path:{SEEDS.relative_to(ROOT)}"],
        cwd=ROOT, env=os.environ | own, capture_output=True, text=True, timeout=1700, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    files = [*TESTS.glob("*.sql"), *SEEDS.glob("*.csv")]
    assert [file.stem for file in files if file.stem not in done.stdout] == []
