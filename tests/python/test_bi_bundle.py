"""Superset's dashboard as code: its parts fit together, and each chart's query has its answer."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from .flow_helpers import ROOT
from .published_marts import contracts, marts_of

FOLDER = ROOT / "bi" / "superset"
BUNDLE = FOLDER / "bundle"
GRAINS = {"P1W": "week", "P1M": "month"}
Part = dict[str, Any]


def parts(kind: str) -> dict[str, Part]:
    """The files of a folder by uuid."""
    read = [yaml.safe_load(p.read_text(encoding="utf-8")) for p in (BUNDLE / kind).rglob("*.yaml")]
    return {part["uuid"]: part for part in read}


def query(chart: Part, dataset: Part) -> str:
    """What Superset asks for a chart of the kinds that the bundle has."""
    params = chart["params"]
    source = f"({dataset['sql']}) as virtual" if dataset["sql"] else dataset["table_name"]
    where = " and ".join(f"({each['sqlExpression']})" for each in params["adhoc_filters"])
    tail = f" from {source}" + (f" where {where}" if where else "")
    if params.get("query_mode") == "raw":
        order = ", ".join(
            f"{column} {'asc' if rising else 'desc'}"
            for column, rising in map(json.loads, params["order_by_cols"])
        )
        return f"select {', '.join(params['all_columns'])}{tail} order by {order}"
    groups = list(params["groupby"])
    if x_axis := params.get("x_axis"):
        grain = params.get("time_grain_sqla")
        groups.insert(0, f"date_trunc('{GRAINS[grain]}', {x_axis})" if grain else x_axis)
    metrics = params.get("metrics") or [params["metric"]]
    values = [f'{each["sqlExpression"]} as "{each["label"]}"' for each in metrics]
    return f"select {', '.join([*groups, *values])}{tail} group by all"


def charts() -> Iterator[Any]:
    datasets = parts("datasets")
    for chart in parts("charts").values():
        yield pytest.param(chart, datasets[chart["dataset_uuid"]], id=chart["slice_name"])


@pytest.fixture(scope="module")
def marts() -> duckdb.DuckDBPyConnection:
    return marts_of({})


def test_the_bundle_holds_together() -> None:
    (database,) = parts("databases").values()
    assert database["sqlalchemy_uri"] == "duckdb:////PUBLISHED?access_mode=read_only"
    assert not database["allow_dml"]
    datasets, known = parts("datasets"), dict(contracts())
    for dataset in datasets.values():
        assert dataset["database_uuid"] == database["uuid"]
        columns = {each["column_name"] for each in dataset["columns"]}
        assert dataset["sql"] or columns <= known[dataset["table_name"]].keys()
    (dashboard,) = parts("dashboards").values()
    shown = {
        item["meta"]["uuid"]: item["meta"]["sliceName"]
        for item in dashboard["position"].values()
        if isinstance(item, dict) and item["type"] == "CHART"
    }
    assert shown == {uuid: chart["slice_name"] for uuid, chart in parts("charts").items()}


@pytest.mark.parametrize(("chart", "dataset"), [*charts()])
def test_every_chart_asks_what_the_marts_have(
    chart: Part, dataset: Part, marts: duckdb.DuckDBPyConnection
) -> None:
    columns = {each["column_name"] for each in dataset["columns"]}
    params = chart["params"]
    used = {*params.get("all_columns", ()), *params.get("groupby", ())}
    assert used | ({params["x_axis"]} if "x_axis" in params else set()) <= columns
    marts.execute(query(chart, dataset))


def test_the_packed_bundle_names_the_published_file(tmp_path: Path) -> None:
    prepare = runpy.run_path(str(FOLDER / "bundle.py"))["prepare"]
    for _ in range(2):
        prepare(Path("/home/ann/paydown.duckdb"), tmp_path / "bundle")
    text = (tmp_path / "bundle" / "databases" / "paydown.yaml").read_text(encoding="utf-8")
    assert "duckdb:////home/ann/paydown.duckdb?access_mode=read_only" in text
    assert (tmp_path / "bundle" / "metadata.yaml").exists()
