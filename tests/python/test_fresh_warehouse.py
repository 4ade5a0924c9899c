"""Plain `dbt build`, unit tests included, on a warehouse that has been loaded and never built."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from orchestration import steps
from orchestration.settings import Settings

from .dbt_in_process import Dbt
from .flow_helpers import ROOT, Site
from .postgres_helpers import new_site


def loaded(site: Site) -> None:
    with patch.dict(os.environ, site.environment(), clear=True):
        report, _ = steps.load(Settings.from_environment())
    assert report.rows_loaded > 1_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_fresh_warehouse_builds(
    target: str, dbt: Dbt, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if target == "postgres":
        site = new_site(tmp_path, request.getfixturevalue("postgres"), dbt)
    else:
        site = Site(tmp_path)
    loaded(site)
    results = dbt("build", warehouse=site.warehouse, target=target, inline=False, **site.variables)
    kinds = [result.node.resource_type for result in results]
    assert kinds.count("unit_test") >= 100
    assert kinds.count("model") >= 100


def test_names_of_unit_tests_fit_every_warehouse() -> None:
    """dbt makes a relation of each, and PostgreSQL's names end after 63 characters."""
    names = [
        test["name"]
        for path in (ROOT / "models").rglob("*.yml")
        for test in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("unit_tests", [])
    ]
    assert len(names) >= 100
    assert [name for name in names if len(name) > 63] == []
