"""The demo end to end, as the README's `make run` runs it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .flow_helpers import ROOT, Demo, Site

FACTORS = (
    "slo_burn", "repeats", "mttr", "blast_radius", "dependency_centrality", "revenue_impact",
    "effort", "ai_risk",
)  # fmt: skip


def test_the_first_run_succeeds_within_one_screen(demo: Demo) -> None:
    site, first = demo
    assert first.returncode == 0, first.stdout + first.stderr
    lines = first.stdout.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 160
    assert "0 failed" in first.stdout
    assert (site.home / "warehouse.duckdb").exists()


def test_scores_equal_the_table_that_was_worked_out_by_hand(demo: Demo) -> None:
    """The samples' README gives the points that stories.yaml was written for."""
    site = demo.site
    table = (ROOT / "tests" / "samples" / "README.md").read_text(encoding="utf-8")
    expected = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 11 and re.fullmatch(r"\d+", cells[0]):
            values = [None if cell == "?" else int(cell) for cell in cells[2:10]]
            expected[cells[1]] = (int(cells[0]), *values)
    assert len(expected) == 11
    columns = ", ".join(f"scores.points_{factor}" for factor in FACTORS)
    rows = site.query(
        f"""
        select services.service_name, scores.score, {columns}
        from fct_service_scores as scores join dim_services as services using (service_id)
        where scores.is_latest
        """
    )
    found = {row[0]: row[1:] for row in rows}
    assert {name: found[name] for name in expected} == expected
    others = [row[1] for row in rows if row[0] not in expected]
    assert max(others) <= 12


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (
            "select service_name, score, decision, owner, budget_usd from rpt_promotion_candidates "
            "where score_rank = 1",
            [("api-gateway", 24, "promote", "team-platform", 6000.0)],
        ),
        (
            "select service_name, missing_fields from rpt_promotion_candidates "
            "where decision = 'blocked' order by 1",
            [("event-bus", "owner")],
        ),
        # Records are facts or excluded, with a reason.
        (
            "select count(*) > 3, bool_and(record_count = fact_count + excluded_count) "
            "from rpt_data_quality where is_incident_stream",
            [(True, True)],
        ),
        (
            "select replace(exclusion_reason, 'game_day', 'test') as reason, count(*) "
            "from rpt_excluded_incidents where reason not like '%alert' group by 1 order by 1",
            [("duplicate", 31), ("merged", 8), ("test", 13)],
        ),
        # An older export never regresses an incident.
        (
            "select incident_status from fct_incidents where source_incident_id = 'QMXPJI9NMAZ0MZ'",
            [("resolved",)],
        ),
    ],
)
def test_the_marts_show_what_the_samples_contain(
    demo: Demo, sql: str, rows: list[tuple[Any, ...]]
) -> None:
    assert demo.site.query(sql) == rows


def test_epics_have_owner_date_budget_and_exit_criteria(demo: Demo) -> None:
    site, first = demo
    assert re.search(r"^ *1 +api-gateway +24", first.stdout, re.MULTILINE)
    assert "event-bus: score 24, but no owner" in first.stdout
    assert len(list((site.home / "epics").glob("*-c1.md"))) == 2
    (path,) = (site.home / "epics").glob("paydown-api-gateway-*-c1.md")
    text = path.read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    stated = [front[name] for name in ("status", "owner", "budget_usd")]
    assert stated == ["open", "team-platform", 6000]
    assert str(front["due_date"]) > "2026-06-26"
    assert "- [ ] Canary deployment via ArgoCD" in text
    assert "QS7LPRXBZCVQRY" in text


def test_bad_records_are_in_quarantine_with_their_line(demo: Demo) -> None:
    rows = set(demo.site.raw("select file, line from raw.quarantine"))
    assert {
        ("pagerduty/incidents/2026-06.ndjson", 12),
        ("opsgenie/incidents/2026-q2.ndjson", 21),
        ("servicenow/incidents/event-log-2026-q2.csv", 10),
    } <= rows


def test_every_column_of_every_model_is_described(demo: Demo) -> None:
    site = demo.site
    manifest = json.loads((site.home / "dbt" / "target" / "manifest.json").read_text())
    columns: dict[str, set[str]] = {}
    for table, column in site.raw(
        "select table_name, column_name from information_schema.columns "
        "where table_schema like 'paydown%'"
    ):
        columns.setdefault(table, set()).add(column)
    models = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    assert len(models) > 60
    for model in models:
        described = {c["name"] for c in model["columns"].values() if c["description"].strip()}
        assert model["description"].strip(), model["name"]
        if model["config"]["materialized"] != "ephemeral":
            assert described == columns[model["name"]], model["name"]


def test_a_second_run_reads_epics_back_and_a_third_changes_nothing(demo_copy: Site) -> None:
    site = demo_copy
    epics = _hashes(site.home / "epics")
    checkout = _status()
    ours = "from fct_epics where tracker_name = 'local'"
    assert site.query(f"select count(*) {ours}") == [(0,)]
    second = site.command("run")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "up to date" not in second.stdout
    assert _hashes(site.home / "epics") == epics
    opened = site.query(
        f"select service_name, tracker_name, status_name, is_open, is_read_back {ours} order by 1"
    )
    promoted = site.query(
        "select service_name from rpt_promotion_candidates where decision = 'promote' order by 1"
    )
    assert opened == [(name, "local", "open", True, True) for (name,) in promoted]
    before = site.published.resolve()
    third = site.command("run")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "models are up to date" in third.stdout
    assert "Nothing changed since the last run." in third.stdout
    assert (_hashes(site.home / "epics"), site.published.resolve()) == (epics, before)
    assert _status() == checkout


@pytest.mark.parametrize(
    ("service", "status", "words"),
    [
        (
            "API-Gateway",
            0,
            (
                "24 points, rank 1",
                "251% of an error budget spent, page alert over 6h, measured",
                "pagerduty:QS7LPRXBZCVQRY",
                "revenue_impact 3 5 medium 380,000 $380000 lost",
                "+2 ai_risk: no data -> AI-written code without tests in 1 of 1",
                "in 83% of 18 cases, 21 to 25 points, rank 1 to 3",
                "newest 5 of 5 incidents",
            ),
        ),
        (
            "ledger",
            0,
            (
                "effort -2 -3 medium ? no estimate, taken as medium",
                "no factor has changed its points in the last 7 days",
                "no estimate at $1300 = ?",
                "90% of the rubric's weight rests on data, could be 21 to 24",
            ),
        ),
        ("api-gatway", 1, ("did you mean api-gateway",)),
    ],
)
def test_explain_says_why(demo: Demo, service: str, status: int, words: tuple[str, ...]) -> None:
    explained = demo.site.command("explain", service)
    assert explained.returncode == status
    text = " ".join(explained.stdout.split())
    assert [word for word in words if word not in text] == []


def _hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def _status() -> str:
    return subprocess.run(
        ["git", "status", "--short"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
