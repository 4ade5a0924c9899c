"""`paydown explain`: why this score, from the published marts."""

from __future__ import annotations

import difflib
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.cli.tables import money, plain_table, points, published_rows, text_row
from orchestration.settings import Settings

SHOWN_INCIDENTS = 12
# A service by its name or id, whatever the case, else all names.
FOUND = """
    select service_id, incident_ids, incident_count
    from rpt_promotion_candidates
    where lower($service) in (lower(service_name), lower(service_id))
"""
LINES = """
    select * from rpt_score_explanations
    where service_id = $service
    order by
        list_position(['score', 'factor', 'change', 'stability', 'epic'], section), line_position
"""
INCIDENTS = """
    select
        strftime(triggered_at, '%Y-%m-%d') as day,
        incident_id,
        coalesce(severity_level::varchar, '') as severity,
        case
            when is_open then 'open' else coalesce(format('{:.0f}', active_seconds / 60), '?')
        end as minutes,
        concat_ws(
            ' ', case when is_repeat then 'repeat' end, case when is_flap then 'flap' end
        ) as marks,
        coalesce(format('{:g}', slo_burn_rate), '') as burn,
        revenue_impact_usd,
        coalesce(postmortem_id, '') as postmortem
    from fct_incidents
    where list_contains($incidents, incident_id)
    order by triggered_at desc, incident_id
    limit $shown
"""


def show_explanation(console: Console, settings: Settings, service: str) -> bool:
    """Print the score of a service with its evidence; False where there is no such service."""
    names = published_rows(settings, "select service_name from rpt_promotion_candidates")
    if not names:
        console.print(Text("nothing is published yet; run `paydown run` first", style="red"))
        return False
    found = published_rows(settings, FOUND, {"service": service.strip()})
    if not found:
        near = difflib.get_close_matches(service, [row["service_name"] for row in names], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        console.print(Text(f"no scored service is called {service!r}{hint}", style="red"))
        return False
    lines = published_rows(settings, LINES, {"service": found[0]["service_id"]})
    if not lines:
        console.print(Text("published by an older paydown; run `paydown run` again", style="red"))
        return False
    for section in ("score", "factor", "change", "stability", "epic"):
        rows = [row for row in lines if row["section"] == section]
        if section == "factor":
            _show_factors(console, rows)
        else:
            for row in rows:
                is_title = section == "score" and row["line_position"] == 1
                console.print(Text(row["line"], style="bold" if is_title else ""))
        if rows:
            console.print()
    _show_incidents(console, settings, found[0])
    return True


def _show_factors(console: Console, rows: list[dict[str, Any]]) -> None:
    table = plain_table(
        "factor", "points", "weight", "level", "value", "evidence",
        right=("points", "weight", "value"),
    )  # fmt: skip
    for row in rows:
        table.add_row(
            Text(row["label"]),
            points(row["points"]),
            *text_row(f"{row['weight']:g}", row["factor_level"] or "?", _value(row)),
            Text(row["line"]),
        )
    console.print(table)


def _value(row: dict[str, Any]) -> str:
    """In the unit of the rubric's thresholds, without digits that say nothing."""
    value = row["factor_value"]
    return "?" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def _show_incidents(console: Console, settings: Settings, row: dict[str, Any]) -> None:
    parameters = {"incidents": row["incident_ids"].split(", "), "shown": SHOWN_INCIDENTS}
    incidents = published_rows(settings, INCIDENTS, parameters)
    table = plain_table(
        "triggered", "incident", "sev", "minutes", "", "burn", "revenue", "postmortem",
        right=("sev", "minutes", "burn", "revenue"),
    )  # fmt: skip
    for incident in incidents:
        lost = incident["revenue_impact_usd"]
        cells = {**incident, "revenue_impact_usd": "" if lost is None else money(lost)}
        table.add_row(*text_row(*cells.values()))
    title = f"newest {len(incidents)} of {row['incident_count']} incidents"
    console.print(Text(title, style="bold"))
    console.print(table)
