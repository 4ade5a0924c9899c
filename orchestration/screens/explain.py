"""The screen of `paydown explain`: why this score, from the published marts."""

from __future__ import annotations

import difflib
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.text import Text

from orchestration.publish.run import CANDIDATES, read_mart
from orchestration.screens.tables import (
    money,
    plain_table,
    points,
    published_database,
    signed,
    text_row,
)
from orchestration.settings import Settings

SHOWN_INCIDENTS = 12


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
    services = _services(candidates, found)
    _show_score(console, found)
    _show_factors(console, database, found)
    _show_epic(console, found)
    _show_incidents(console, database, found, services)
    return True


def _find(candidates: list[dict[str, Any]], service: str) -> dict[str, Any] | None:
    wanted = service.strip().lower()
    for row in candidates:
        if wanted in (row["service_name"].lower(), row["service_id"].lower()):
            return row
    return None


def _services(candidates: list[dict[str, Any]], row: dict[str, Any]) -> list[str]:
    """The ids of what the row stands for: the service, or the members of the shared fix."""
    members = set(row["members"].split(", "))
    ids = [
        other["service_id"]
        for other in candidates
        if not other["members"] and other["service_name"] in members
    ]
    return ids or [row["service_id"]]


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
        "factor", "points", "weight", "level", "evidence", right=("points", "weight")
    )
    for factor in _query(
        database,
        """
        select factor, points, weight, factor_level, evidence
        from fct_service_score_factors
        where service_id = $service and scoring_date = $day
        order by has_data desc, abs(weight) desc, factor
        """,
        {"service": row["lead_service_id"], "day": row["scoring_date"]},
    ):
        table.add_row(
            Text(factor[0]),
            points(factor[1]),
            *text_row(f"{factor[2]:g}", factor[3] or "no data", factor[4]),
        )
    console.print(table)
    console.print()


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


def _show_incidents(
    console: Console, database: Path, row: dict[str, Any], services: list[str]
) -> None:
    incidents = _query(
        database,
        """
        select
            strftime(triggered_at, '%Y-%m-%d'), incident_id, severity_level,
            active_seconds, is_open, is_repeat, is_flap, slo_burn_rate, revenue_impact_usd,
            coalesce(postmortem_id, ''), coalesce(incident_title, '')
        from fct_incidents
        where list_contains($services, service_id) and triggered_at <= $until
        order by triggered_at desc
        """,
        {"services": services, "until": row["newest_incident_at"]},
    )
    recent = incidents[:SHOWN_INCIDENTS]
    table = plain_table(
        "triggered", "incident", "sev", "minutes", "", "burn", "revenue", "postmortem",
        right=("sev", "minutes", "burn", "revenue"),
    )  # fmt: skip
    for (
        at,
        incident,
        severity,
        seconds,
        is_open,
        is_repeat,
        is_flap,
        burn,
        revenue,
        review,
        _,
    ) in recent:
        state = "open" if is_open else "?" if seconds is None else f"{seconds / 60:.0f}"
        marks = " ".join(m for m, on in (("repeat", is_repeat), ("flap", is_flap)) if on)
        table.add_row(
            *text_row(
                at,
                incident,
                severity or "",
                state,
                marks,
                "" if burn is None else f"{burn:g}",
                "" if revenue is None else money(revenue),
                review,
            )
        )
    console.print(Text(f"newest {len(recent)} of {len(incidents)} incidents", style="bold"))
    console.print(table)


def _query(database: Path, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute(sql, parameters).fetchall()
