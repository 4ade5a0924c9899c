"""Landing files of a company with a thousand services, made by DuckDB: the same bytes each time.

A year of PagerDuty incidents with four log entries each, error ratios of Prometheus every five
minutes, and the catalog that ties both to services. The last hundredth of the year is apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import duckdb

AS_OF = "2027-01-01T00:00:00Z"
SERVICES = 1_000
# Of them these have an objective, measured over five minutes and over an hour.
MEASURED_SERVICES = 500

# Of services few are noisy; of alerts each service has forty, some of which keep coming back.
INCIDENTS = """
create table incidents as
select
    n,
    printf('Q%012d', n) as id,
    cast(floor($services * pow((hash(n) % 100000) / 100000.0, 2)) as integer) as service,
    hash(n + 1) % 40 as alert,
    timestamp '2027-01-01' - to_microseconds(cast(
        31536000000000 * (case
            when n < $incidents - $incidents // 100 then 1 - 0.99 * n / ($incidents * 0.99)
            else 0.01 * ($incidents - n) / ($incidents * 0.01)
        end) as bigint)) as created_at,
    case when hash(n + 2) % 200 > 0
        then 300 + cast(7200 * pow((hash(n + 3) % 10000) / 10000.0, 4) * (1 + hash(n + 4) % 6)
            as bigint) end as seconds,
    hash(n + 5) % 900 as acknowledged_after,
    n >= $incidents - $incidents // 100 as is_new
from range($incidents) as numbers (n)
"""
REFERENCE = """{
    'id': printf('PSVC%04d', service), 'type': 'service_reference',
    'summary': printf('service-%04d', service),
    'html_url': printf('https://example.pagerduty.com/services/PSVC%04d', service)
}"""
STAMP = "'%Y-%m-%dT%H:%M:%SZ'"
INCIDENT_RECORDS = f"""
select
    id, 'incident' as type, n as incident_number,
    printf('service-%04d: alert %d is firing', service, alert) as title,
    if(seconds is null, 'triggered', 'resolved') as status,
    if(alert % 3 = 0, 'high', 'low') as urgency,
    {{'id': printf('PPRI%d', alert % 5), 'summary': printf('P%d', 1 + alert % 5)}} as priority,
    printf('%032x', service * 1000 + alert) as incident_key,
    {REFERENCE} as service,
    [{{'id': 'PTEAM1', 'type': 'team_reference', 'summary': 'Payments'}}] as teams,
    {{'type': 'incident_body', 'details': {{
        'labels': {{
            'env': 'production', 'app.kubernetes.io/name': printf('service-%04d', service)}},
        'runbook': 'https://wiki.example.com/' || repeat('x', 100)}}}} as body,
    'https://example.pagerduty.com/incidents/' || id as html_url,
    strftime(created_at, {STAMP}) as created_at,
    strftime(created_at + to_seconds(seconds), {STAMP}) as resolved_at,
    strftime(created_at + to_seconds(coalesce(seconds, 0)), {STAMP}) as updated_at
from incidents
"""  # noqa: S608
LOG_ENTRY_RECORDS = f"""
select
    printf('R%012d%d', n, step) as id,
    ['trigger', 'notify', 'acknowledge', 'resolve'][step] || '_log_entry' as type,
    {{'id': id, 'type': 'incident_reference'}} as incident,
    {REFERENCE} as service,
    {{'id': printf('PUSR%02d', alert), 'type': 'user_reference'}} as agent,
    if(step = 2, {{'id': printf('PUSR%02d', alert), 'summary': 'Someone On Call'}}, null) as user,
    {{'type': 'api', 'summary': 'Alert of the monitoring', 'details': {{'query': repeat('q', 80)}}}}
        as channel,
    strftime(created_at + to_seconds(
        [0, 20, least(acknowledged_after, seconds), seconds][step]), {STAMP}) as created_at
from incidents cross join range(1, 5) as steps (step)
where (step < 3 or seconds is not null)
"""  # noqa: S608
SERIES_RECORDS = """
select
    printf('series-%04d-%d', service, window_seconds) as series_id,
    'errors' as query, 'error_ratio' as kind, printf('service-%04d', service) as service,
    'availability' as slo, window_seconds, '2027-01-01T00:00:00Z' as asked_at
from range($measured) as services (service)
cross join (values (300), (3600)) as windows (window_seconds)
union all
select printf('objective-%04d', service), 'objectives', 'objective',
    printf('service-%04d', service), 'availability', null, '2027-01-01T00:00:00Z'
from range($measured) as services (service)
"""
SETTING_RECORDS = """
select printf('objective-%04d', service) as series_id, 1798761600 as sampled_at,
    '0.999' as value, '2027-01-01T00:00:00Z' as asked_at
from range($measured) as services (service)
"""
SAMPLE_RECORDS = """
select
    printf('series-%04d-%d', service, window_seconds) as series_id,
    1798761600 - 300 * point as sampled_at,
    printf('%.6f', pow((hash(service * 1000003 + point) % 1000) / 1000.0, 8) / 20) as value,
    '2027-01-01T00:00:00Z' as asked_at
from range($points) as points (point)
cross join range($measured) as services (service)
cross join (values (300), (3600)) as windows (window_seconds)
"""


def write_landing(folder: Path, new: Path, incidents: int) -> None:
    """Write the files of `incidents` incidents, ten times as many samples and the catalog.

    The last hundredth of incidents, log entries and samples goes to `new`.
    """
    points = 10 * incidents // (2 * MEASURED_SERVICES)
    with duckdb.connect() as con:
        con.execute(
            "set threads = 2; set memory_limit = '4GB'; set preserve_insertion_order = false"
        )
        con.execute(INCIDENTS.replace("$services", str(SERVICES)), {"incidents": incidents})

        def copy(records: str, target: Path) -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            sql = records.replace("$measured", str(MEASURED_SERVICES))
            con.execute(f"copy ({sql.replace('$points', str(points))}) to '{target}' (format json)")

        pagerduty, prometheus = folder / "pagerduty", folder / "prometheus"
        for records, stream in (
            (INCIDENT_RECORDS, "incidents"),
            (LOG_ENTRY_RECORDS, "log_entries"),
        ):
            where = " and" if "where" in records else " where"
            copy(f"{records}{where} not is_new", pagerduty / stream / "year.ndjson")
            copy(f"{records}{where} is_new", new / "pagerduty" / stream / "new.ndjson")
        copy(SERIES_RECORDS, prometheus / "series" / "series.ndjson")
        copy(SETTING_RECORDS, prometheus / "settings" / "settings.ndjson")
        newest = points // 100
        copy(f"{SAMPLE_RECORDS} where point >= {newest}", prometheus / "samples" / "month.ndjson")
        copy(
            f"{SAMPLE_RECORDS} where point < {newest}",
            new / "prometheus" / "samples" / "new.ndjson",
        )
    _write_catalog(folder / "backstage" / "catalog.ndjson")


def _write_catalog(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    entities = [
        _entity("Group", f"team-{n:02}", {"type": "team", "children": []}) for n in range(50)
    ]
    for n in range(SERVICES):
        spec = {"type": "service", "lifecycle": "production", "owner": f"group:team-{n % 50:02}"}
        depends_on = [f"component:service-{n // 3:04}"] if n > 2 else []
        service_id = {"pagerduty.com/service-id": f"PSVC{n:04}"}
        entities.append(
            _entity("Component", f"service-{n:04}", spec | {"dependsOn": depends_on}, service_id)
        )
    file.write_text("".join(json.dumps(entity) + "\n" for entity in entities), encoding="utf-8")


def _entity(
    kind: str, name: str, spec: Mapping[str, object], annotations: Mapping[str, str] | None = None
) -> dict[str, object]:
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec,
    }
