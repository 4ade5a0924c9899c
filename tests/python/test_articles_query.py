"""The article's question to the warehouse, asked in its own words of the demo's incidents."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot

from .flow_helpers import Demo

# Snowflake's SQL, over a table with a row an incident; `:now` stands for its current_timestamp().
QUERY = """
with incidents as (
    select
        service,
        datediff('minute', started_at, resolved_at) as mttr_min,
        repeat_flag,
        slo_burn_rate,
        revenue_impact_usd
    from analytics.incidents
    where started_at >= dateadd('day', -90, :now)
)
select
    service,
    count(*) as incident_count,
    sum(case when repeat_flag then 1 else 0 end) as repeats,
    avg(mttr_min) as avg_mttr_min,
    sum(slo_burn_rate) as total_burn,
    sum(revenue_impact_usd) as revenue_hit
from incidents
group by service
order by repeats desc, total_burn desc
"""
ROWS = """
create view analytics.incidents as
select
    service_id as service, incident_id, triggered_at as started_at, resolved_at,
    is_repeat as repeat_flag, slo_burn_rate, revenue_impact_usd
from published.fct_incidents
"""


def test_it_has_the_answer_that_the_mart_gives(demo: Demo) -> None:
    query = sqlglot.transpile(
        QUERY.replace(":now", "to_timestamp('2026-06-26 16:00:00')"), "snowflake", "duckdb"
    )[0]
    with duckdb.connect() as con:
        con.execute(f"attach '{demo.site.published}' as published (read_only)")
        con.execute("create schema analytics")
        con.execute(ROWS)
        asked = {row[0]: row[1:] for row in con.execute(query).fetchall()}
    mart = demo.site.query(
        "select service_id, incident_count, repeats, avg_mttr_min, total_burn, revenue_hit "
        "from rpt_repeat_offenders"
    )
    assert len(mart) > 10
    assert max(row[2] for row in mart) >= 3
    assert asked.keys() == {row[0] for row in mart}
    for service, *expected in mart:
        count, repeats, minutes, *sums = asked[service]
        assert (count, repeats) == tuple(expected[:2])
        # A datediff in minutes counts the turns of the minute, the mart the time that passed.
        assert minutes == pytest.approx(expected[2], abs=1), service
        assert sums == pytest.approx(expected[3:]), service
