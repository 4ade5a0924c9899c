"""`paydown explain`: why this score, from the published marts."""

from __future__ import annotations

import difflib

from orchestration.cli.tables import published_rows, say, show_table
from orchestration.settings import Settings, SettingsError

SHOWN_INCIDENTS = 12
# A service by its name or id, in any case, else all names.
FOUND = """
    select service_id, incident_ids, incident_count
    from rpt_promotion_candidates
    where lower($service) in (lower(service_name), lower(service_id))
"""
LINES = """
    select *
    from rpt_score_explanations
    where service_id = $service and section = $section
    order by line_position
"""
FACTORS = """
    select
        label as factor, points, format('{:g}', weight) as weight,
        coalesce(factor_level, '?') as "level",
        -- In the unit of the rubric's thresholds, without digits that say nothing.
        coalesce(
            regexp_replace(format('{:,.2f}', factor_value::double), '\\.?0+$', ''), '?'
        ) as "value",
        line as evidence
    from rpt_score_explanations
    where service_id = $service and section = $section
    order by line_position
"""
INCIDENTS = """
    select
        strftime(triggered_at, '%Y-%m-%d') as triggered,
        incident_id as incident,
        coalesce(severity_level::varchar, '') as sev,
        case
            when is_open then 'open' else coalesce(format('{:.0f}', active_seconds / 60), '?')
        end as minutes,
        concat_ws(
            ' ', case when is_repeat then 'repeat' end, case when is_flap then 'flap' end
        ) as " ",
        coalesce(format('{:g}', slo_burn_rate), '') as burn,
        coalesce(format('${:,.0f}', revenue_impact_usd::double), '') as revenue,
        coalesce(postmortem_id, '') as postmortem
    from fct_incidents
    where list_contains($incidents, incident_id)
    order by triggered_at desc, incident_id
    limit $shown
"""
NUMBERS = ("points", "weight", "value", "sev", "minutes", "burn", "revenue")


def show_explanation(settings: Settings, service: str) -> bool:
    """Print the score of a service with its evidence; False where there is no such service."""
    names = published_rows(settings, "select service_name from rpt_promotion_candidates")
    if not names:
        raise SettingsError("nothing is published yet; run `paydown run` first")
    found = published_rows(settings, FOUND, {"service": service.strip()})
    if not found:
        near = difflib.get_close_matches(service, [row["service_name"] for row in names], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        say(f"no scored service is called {service!r}{hint}", "red")
        return False
    chosen, is_explained = found[0], False
    for section in ("score", "factor", "change", "stability", "epic"):
        sql = FACTORS if section == "factor" else LINES
        wanted = {"service": chosen["service_id"], "section": section}
        rows = published_rows(settings, sql, wanted)
        if section == "factor" and rows:
            show_table([*rows[0]], [[*row.values()] for row in rows], right=NUMBERS)
        for number, row in enumerate(() if section == "factor" else rows):
            say(row["line"], "bold" if section == "score" and number == 0 else "")
        if rows:
            is_explained = True
            say("")
    if not is_explained:
        raise SettingsError("published by an older paydown; run `paydown run` again")
    shown = {"incidents": chosen["incident_ids"].split(", "), "shown": SHOWN_INCIDENTS}
    incidents = published_rows(settings, INCIDENTS, shown)
    say(f"newest {len(incidents)} of {chosen['incident_count']} incidents", "bold")
    if incidents:
        show_table([*incidents[0]], [[*row.values()] for row in incidents], right=NUMBERS)
    return True
