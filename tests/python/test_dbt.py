"""dbt's own tests of the code: every unit test, over the demo's warehouse."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from .dbt_in_process import Dbt
from .flow_helpers import Demo


def test_every_unit_test_passes(demo: Demo, dbt: Dbt, tmp_path: Path) -> None:
    shutil.copy(demo.site.warehouse, tmp_path)
    t = time.time(), time.process_time()
    results = dbt("test", "--select", "test_type:unit", warehouse=tmp_path / "warehouse.duckdb")
    print(time.time() - t[0], time.process_time() - t[1])
    assert len(results) >= 100
