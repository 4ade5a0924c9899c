"""The screen of `paydown explain`: why this score, from the published marts."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from orchestration.cli.tables import (
    money,
    plain_table,
    points,
    published_database,
    signed,
    text_row,
)
from orchestration.epics.published import CANDIDATES, read_mart
from orchestration.settings import Settings

SHOWN_INCIDENTS = 12
MISSING = {
    "slo_burn": "no SLO is measured, and no postmortem states a burn rate",
    "mttr": "no incident with a known end",
    "blast_radius": "no postmortem states the share of users, or regulated data",
    "dependency_centrality": "the service is not in the catalog",
    "revenue_impact": "no postmortem states what was lost",
    "effort": "no postmortem estimates the fix",
    "ai_risk": "no postmortem says whether AI-written code lacked tests",
}


def show_explanation(console: Console, settings: Settings, service: str) -> bool:
    """Print the score of a service with its evidence; False where there is no such service."""
    database = published_database(settings)
    if not database.exists():
        console.print(Text("nothing is published yet; run `paydown run` first", style="red"))
        return False
    candidates = read_mart(database, CANDIDATES)
    found = _find(candidates, service)
    if found is None:
        names = [row["service_name"] for row in candidates]
        near = difflib.get_close_matches(service, names, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        console.print(Text(f"no scored service is called {service!r}{hint}", style="red"))
        return False
    _show_score(console, found)
    _show_factors(console, database, found)
    _show_changes(console, database, found)
    _show_stability(console, database, found)
    _show_epic(console, found)
    _show_incidents(console, database, found)
    return True


def _find(candidates: list[dict[str, Any]], service: str) -> dict[str, Any] | None:
    wanted = service.strip().lower()
    for row in candidates:
        if wanted in (row["service_name"].lower(), row["service_id"].lower()):
            return row
    return None


def _since(entered_on: date | None) -> str:
    return f"since {entered_on}" if entered_on else "for more than 90 days"


def _show_score(console: Console, row: dict[str, Any]) -> None:
    console.print(
        Text(f"{row['service_name']}: {row['score']} points, rank {row['score_rank']}", "bold")
    )
    change = signed(row["score_delta"])
    console.print(
        Text(
            f"{row['band']} {_since(row['promoted_at'])}, decision {row['decision']}"
            + (f", {change} in 7 days" if change else "")
            + f", {row['coverage']:.0%} of the rubric's weight rests on data"
            + f" (rubric {row['rubric_hash']})"
        )
    )
    console.print()


def _show_factors(console: Console, database: Path, row: dict[str, Any]) -> None:
    table = plain_table(
        "factor", "points", "weight", "level", "value", "evidence",
        right=("points", "weight", "value"),
    )  # fmt: skip
    for factor, earned, weight, level, value, evidence in _query(
        database,
        """
        select factor, points, weight, factor_level, raw_value, evidence
        from fct_service_score_factors
        where service_id = $service and scoring_date = $day
        order by has_data desc, abs(weight) desc, factor
        """,
        {"service": row["lead_service_id"], "day": row["scoring_date"]},
    ):
        table.add_row(
            Text(factor),
            points(earned),
            *text_row(f"{weight:g}", level or "?", _value(value)),
            Text(evidence if level else f"no data: {MISSING.get(factor, 'nothing is known')}"),
        )
    console.print(table)
    console.print()


def _value(value: float | None) -> str:
    """In the unit of the rubric's thresholds, without digits that say nothing."""
    return "?" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def _show_changes(console: Console, database: Path, row: dict[str, Any]) -> None:
    reasons = _query(
        database,
        """
        select reason from rpt_score_changes
        where service_id = $service order by abs(points_delta) desc, factor
        """,
        {"service": row["lead_service_id"]},
    )
    if reasons:
        console.print(Text("changed in the last 7 days", style="bold"))
        for (reason,) in reasons:
            console.print(Text(f"  {reason}"))
    else:
        console.print(Text("no factor has changed its points in the last 7 days"))
    console.print()


def _show_stability(console: Console, database: Path, row: dict[str, Any]) -> None:
    for share, count, lowest, highest, best, worst in _query(
        database,
        """
        select
            same_band_share, scenario_count, lowest_score, highest_score, best_rank, worst_rank
        from rpt_rank_stability
        where service_id = $service
        """,
        {"service": row["lead_service_id"]},
    ):
        console.print(
            Text(
                f"with thresholds moved by 10 % it keeps the band of its score in {share:.0%} of "
                f"{count} cases, {_between(lowest, highest)} points, rank {_between(best, worst)}"
            )
        )
        console.print()


def _between(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _show_epic(console: Console, row: dict[str, Any]) -> None:
    if row["members"]:
        console.print(Text(f"one change for {row['members']}"))
    elif row["decision"] == "shared":
        console.print(Text(f"waits for the shared fix {row['shared_fix_id']}"))
    if row["missing_fields"]:
        missing = row["missing_fields"].replace(",", ", ")
        console.print(Text(f"no epic without: {missing}", style="bold red"))
    console.print(
        Text(
            f"owner {row['owner'] or '?'}, due {row['due_date'] or '?'}, "
            f"{_days(row['estimate_days'])} at {money(row['day_rate_usd'])} = "
            f"{money(row['budget_usd'])}, maturity {row['current_maturity'] or 'none'} "
            f"to {row['target_maturity'] or '?'}, fix {row['fix_classes'] or '?'}"
        )
    )
    console.print()


def _days(days: float | None) -> str:
    return "no estimate" if days is None else f"{days:g} days"


def _show_incidents(console: Console, database: Path, row: dict[str, Any]) -> None:
    incidents = _query(
        database,
        """
        select
            strftime(triggered_at, '%Y-%m-%d'),
            incident_id,
            coalesce(severity_level::varchar, ''),
            case
                when is_open then 'open' else coalesce(format('{:.0f}', active_seconds / 60), '?')
            end,
            concat_ws(
                ' ', case when is_repeat then 'repeat' end, case when is_flap then 'flap' end
            ),
            slo_burn_rate,
            revenue_impact_usd,
            coalesce(postmortem_id, '')
        from fct_incidents
        where list_contains($incidents, incident_id)
        order by triggered_at desc, incident_id
        limit $shown
        """,
        {"incidents": row["incident_ids"].split(", "), "shown": SHOWN_INCIDENTS},
    )
    table = plain_table(
        "triggered", "incident", "sev", "minutes", "", "burn", "revenue", "postmortem",
        right=("sev", "minutes", "burn", "revenue"),
    )  # fmt: skip
    for at, incident, severity, minutes, marks, burn, revenue, review in incidents:
        stated = "" if burn is None else f"{burn:g}", "" if revenue is None else money(revenue)
        table.add_row(*text_row(at, incident, severity, minutes, marks, *stated, review))
    console.print(
        Text(f"newest {len(incidents)} of {row['incident_count']} incidents", style="bold")
    )
    console.print(table)


def _query(database: Path, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute(sql, parameters).fetchall()
