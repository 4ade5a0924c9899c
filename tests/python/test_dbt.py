"""dbt's own tests of the code, over the demo's warehouse: unit tests, and tests tagged `ci`."""

from __future__ import annotations

import shutil
from pathlib import Path

from .dbt_in_process import Dbt
from .flow_helpers import Demo


def test_every_test_of_the_code_passes(demo: Demo, dbt: Dbt, tmp_path: Path) -> None:
    shutil.copy(demo.site.warehouse, tmp_path)
    warehouse = tmp_path / "warehouse.duckdb"
    # Unit tests look up the columns of their inputs, so ephemeral models are built as views.
    dbt("run", "--select", "config.materialized:view", warehouse=warehouse, inline=False)
    results = dbt("test", "--select", "test_type:unit", "tag:ci", warehouse=warehouse, inline=False)
    assert len(results) >= 100
