"""The page for the weekly review: one HTML file that needs no network and no server.

Levels are computed by dbt. The page's script only multiplies them by weights, so that ranks move
with a slider exactly as in a build; see docs/decisions/0022-the-page-multiplies.md.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from orchestration.report.charts import step_path, week_chart
from orchestration.report.marts import QUERIES, Row, read_marts
from orchestration.report.words import MORE, cost, day, figure, incident, money, price, short, web
from orchestration.rubric.scoring import DEFAULT_CUTS, Alerts, Factor, Hysteresis, Levels, Scoring

PAGE = "report.html"
TEMPLATES = Path(__file__).with_name("page")
LEVELS = ("low", "medium", "high")
# In the order of the columns: name -> (heading, full name).
FACTORS: dict[Factor, tuple[str, str]] = {
    "slo_burn": ("burn", "SLO burn"),
    "repeats": ("repeats", "Repeat incidents"),
    "mttr": ("MTTR", "Time to resolve"),
    "blast_radius": ("blast", "Blast radius"),
    "dependency_centrality": ("depend.", "Dependent services"),
    "revenue_impact": ("revenue", "Revenue impact"),
    "effort": ("effort", "Effort of the fix"),
    "ai_risk": ("AI risk", "AI-written code without tests"),
}
UNITS = {
    "slo_burn": "share of an error budget spent", "repeats": "repeats", "mttr": "minutes, median",
    "blast_radius": "share of users", "dependency_centrality": "share of services",
    "revenue_impact": "US dollars", "effort": "engineer-days", "ai_risk": "incidents",
}  # fmt: skip
DECISIONS = {
    "promote": "promote to epic",
    "blocked": "blocked",
    "bundle": "bundle",
    "close": "close as hygiene",
    "shared": "in a shared fix",
    "defer": "defer",
}


def render_page(con: duckdb.DuckDBPyConnection, review: dict[str, Any] | None = None) -> str:
    """The page from the published marts that `con` has open.

    review: what the page needs to record decisions, if `paydown review` serves it.
    """
    marts = read_marts(con, QUERIES)
    rubric = _rubric(marts["rubric"])
    script, data = _text("report.js"), _data(marts, rubric)
    template = _environment().get_template("report.html.jinja")
    return template.render(
        **marts,
        rubric_parts=rubric,
        data=data | ({"review": review} if review else {}),
        script=Markup(script),  # noqa: S704
        style=Markup(_text("report.css")),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        factors=FACTORS,
        units=UNITS,
        decisions=DECISIONS,
        points={
            (row["service_id"], row["factor"]): row["points"]
            for row in marts["service_factors"]
            if row["points"] is not None
        },
        ids={row["service_id"] for row in marts["candidates"]},
        charts=_charts(marts["weeks"]),
        is_served=review is not None,
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    environment.filters |= {
        "day": day, "figure": figure, "money": money, "cost": cost, "price": price, "web": web,
        "short": short,
    }  # fmt: skip
    return environment


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


def _rubric(parts: list[Row]) -> dict[str, dict[str, Row]]:
    """Kind -> name -> that part of the rubric."""
    found: dict[str, dict[str, Row]] = defaultdict(dict)
    for part in parts:
        found[part["part_kind"]][part["part_name"]] = part
    return found


def _charts(weeks: list[Row]) -> dict[str, Markup]:
    days = [row["week"] for row in weeks]
    return {
        title: week_chart(title, days, [row[column] for row in weeks], unit)
        for title, column, unit in (
            ("Repeat incidents", "repeats", "repeats"),
            ("Median minutes to resolve", "mttr_minutes", "minutes"),
            ("Incidents outside working hours", "out_of_hours", "incidents"),
        )
    }


def _data(marts: dict[str, list[Row]], rubric: dict[str, dict[str, Row]]) -> dict[str, Any]:
    """The script's data, abbreviated: names of factors are in the order of the columns."""
    by_service = {
        name: _grouped(marts[name])
        for name in (
            "service_factors",
            "level_spells",
            "scores_by_day",
            "incidents",
            "budgets",
            "actions",
            "prices",
            "payback",
        )
    }
    # Codes of a spell are in the order of the names; the last one belongs to no factor.
    order = [*(sorted(FACTORS).index(factor) for factor in FACTORS), len(FACTORS)]
    addresses: dict[str, int] = {}
    scored = [score for row in marts["scores_by_day"] for score in row["scores"]]
    low, high = min([0, *scored]), max([1, *scored])
    services = []
    for row in marts["candidates"]:
        lead = row["lead_service_id"]
        known = {factor["factor"]: factor for factor in by_service["service_factors"][lead]}
        factors = [known.get(name, {}) for name in FACTORS]
        days = next(iter(by_service["scores_by_day"][lead]), {"scores": []})
        services.append({
            "id": row["service_id"],
            "name": short(row["service_name"]),
            "fix": row["shared_fix_id"],
            "members": row["members"].split(", ") if row["members"] else [],
            "needs": row["needs"],
            "data": [int(bool(factor.get("has_data"))) for factor in factors],
            "values": [factor.get("raw_value") for factor in factors],
            "evidence": [short(factor.get("evidence")) for factor in factors],
            "spells": [
                [spell["days_back"], "".join(spell["codes"][place] for place in order)]
                for spell in by_service["level_spells"][lead]
            ],
            "line": step_path(days["scores"], low, high),
            "incidents": [incident(one, addresses) for one in by_service["incidents"][lead]],
            "budgets": [
                [short(one["slo_name"]), one["objective"], one["budget_spent"]]
                for one in by_service["budgets"][lead]
            ],
            "more": [[words(one) for one in by_service[name][lead]] for _, name, words, _ in MORE],
            "price": price(next(iter(by_service["prices"][lead]), None)),
            "chart": web(row["slo_chart_url"]),
            "count": row["incident_count"],
            "decision": row["decision"],
            "rank": row["score_rank"],
        })  # fmt: skip
    return {
        "day": day(marts["moment"][0]["scoring_date"]) if marts["moment"] else "",
        "factors": list(FACTORS),
        "labels": [full for _, full in FACTORS.values()],
        "words": DECISIONS,
        "rubric": _rubric_data(rubric),
        "scale": [low, high],
        "more": [[title, none] for title, _, _, none in MORE],
        "addresses": list(addresses),
        "services": services,
    }


def _rubric_data(rubric: dict[str, dict[str, Row]]) -> dict[str, Any]:
    """The rubric for the script; `yaml`: what scoring.yaml states beyond the sliders."""
    if not rubric:
        return {}
    levels = {name: part["part_value"] for name, part in rubric["level"].items()}
    settings = {name: part["part_value"] for name, part in rubric["setting"].items()}
    factors = [rubric["factor"][factor] for factor in FACTORS]
    days = {name: int(settings[name]) for name in ("window_days", "repeat_window_days")}
    stated: dict[str, Any] = {n: v for n, v in days.items() if v != Scoring.model_fields[n].default}
    if levels != Levels().model_dump():
        stated["levels"] = levels
    alerts = {
        alert: list(levels)[int(settings[f"{alert}_alert_level"])] for alert in ("page", "ticket")
    }
    return {
        "weights": [factor["part_value"] for factor in factors],
        "shares": list(levels.values()),
        "bands": [
            [name, rubric["band"][name]["part_value"], rubric["band"][name]["due_in_days"]]
            for name in ("promote_to_epic", "bundle_with_existing")
        ],
        "margin": settings["leave_margin"],
        "hold": settings["hold_days"],
        "usual": [Hysteresis().margin, Hysteresis().hold_days],
        "thresholds": [[factor[f"{name}_threshold"] for name in LEVELS] for factor in factors],
        "usual_thresholds": [[DEFAULT_CUTS[f].get(name) for name in LEVELS] for f in FACTORS],
        "cuts": [factor["cuts"] for factor in factors],
        "alerts": alerts if alerts != Alerts().model_dump() else {},
        "coverage": settings["promote_min_coverage"],
        "yaml": stated,
    }


def _grouped(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["service_id"]].append(row)
    return found
