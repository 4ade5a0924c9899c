"""One name a thing in the marts: what a service is called and who owns it, on each of its marts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from .flow_helpers import ROOT

SERVICE = {"service_name", "team_id", "owner"}
# The article's query calls them so, in the mart that is its answer.
ARTICLE = {"rpt_repeat_offenders": {"service", "revenue_hit"}}
# What was another name of owner, service_name or revenue_impact_usd.
OTHER_NAMES = {"owner_name", "service", "revenue_usd", "revenue_hit", "revenue"}


def marts(folder: Path = ROOT / "models" / "marts") -> dict[str, set[str]]:
    """The columns of each mart, by its name."""
    found = {}
    for path in folder.rglob("*__models.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            found[model["name"]] = {column["name"] for column in model["columns"]}
    return found


@pytest.mark.parametrize("mart", sorted(marts()))
def test_a_mart_of_services_names_them_and_their_owner(mart: str) -> None:
    columns = marts()[mart]
    if columns & {"service_id", "causal_service_id"}:
        assert columns >= SERVICE
    assert not columns & (OTHER_NAMES - ARTICLE.get(mart, set()))


def test_the_articles_mart_keeps_its_columns() -> None:
    asked = {"service", "incident_count", "repeats", "avg_mttr_min", "total_burn", "revenue_hit"}
    assert marts()["rpt_repeat_offenders"] >= asked


def test_no_test_repeats_what_the_contract_enforces() -> None:
    repeated = []
    for path in (ROOT / "models" / "marts").rglob("*__models.yml"):
        for model in yaml.safe_load(path.read_text())["models"]:
            columns = model["columns"]
            filled = {
                c["name"] for c in columns if {"type": "not_null"} in c.get("constraints", [])
            }
            for test in model["data_tests"]:
                rules = test["rules"]["arguments"]
                repeated += [
                    (model["name"], one) for one in rules.get("not_null", []) if one in filled
                ]
            repeated += [(model["name"], c["name"]) for c in columns if c.get("data_tests")]
    assert repeated == []
