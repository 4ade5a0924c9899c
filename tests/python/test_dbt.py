"""dbt's own tests of the code, over the demo's warehouse: unit tests, and tests tagged `ci`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .dbt_in_process import Dbt
from .flow_helpers import Demo


@pytest.mark.parametrize(("chosen", "least"), [("test_type:unit", 100), ("tag:ci", 10)])
def test_every_test_of_the_code_passes(
    demo: Demo, dbt: Dbt, tmp_path: Path, chosen: str, least: int
) -> None:
    shutil.copy(demo.site.warehouse, tmp_path)
    results = dbt("test", "--select", chosen, warehouse=tmp_path / "warehouse.duckdb")
    assert len(results) >= least
