"""What a person would write instead: DuckDB over the landing files, four figures per service."""

from __future__ import annotations

import sys

import duckdb

FIGURES = """
with incidents as (
    select service.id as service_id, service.summary as service, incident_key, created_at,
        epoch(resolved_at) - epoch(created_at) as seconds,
        created_at - lag(created_at) over (
            partition by service.id, incident_key order by created_at) <= interval 90 days
            as is_repeat
    from read_json('{landing}/pagerduty/incidents/*', columns = {{
        service: 'struct(id varchar, summary varchar)', incident_key: 'varchar',
        created_at: 'timestamp', resolved_at: 'timestamp'}})
),

acknowledged as (
    select service.id as service_id, count(distinct incident.id) as acknowledged
    from read_json('{landing}/pagerduty/log_entries/*', columns = {{
        type: 'varchar', service: 'struct(id varchar)', incident: 'struct(id varchar)'}})
    where type = 'acknowledge_log_entry'
    group by all
),

sli as (
    select service, 1 - avg(cast(value as double)) as sli
    from read_json('{landing}/prometheus/samples/*', columns = {{
        series_id: 'varchar', value: 'varchar'}})
    inner join read_json('{landing}/prometheus/series/*', columns = {{
        series_id: 'varchar', service: 'varchar', kind: 'varchar'}}) using (series_id)
    where kind = 'error_ratio'
    group by all
)

select service, count(*), count(*) filter (where is_repeat), median(seconds),
    any_value(acknowledged), any_value(sli)
from incidents
left join acknowledged using (service_id)
left join sli using (service)
group by service
order by service
"""

if __name__ == "__main__":
    with duckdb.connect() as connection:
        connection.execute("set threads = 2; set memory_limit = '4GB'")
        rows = connection.execute(FIGURES.format(landing=sys.argv[1])).fetchall()
    print(f"{len(rows):,} services, {sum(row[1] for row in rows):,} incidents")
