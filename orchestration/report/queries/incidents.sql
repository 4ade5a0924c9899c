-- One row per service and incident of the rubric's window, newest first, the newest 40 of each service.
with moment as (select max(scoring_at) as now from fct_service_scores where is_latest),

settings as (
    select max(part_value)::integer as window_days
    from rpt_rubric
    where part_kind = 'setting' and part_name = 'window_days'
)

select
    incidents.service_id,
    incidents.incident_id,
    incidents.incident_title,
    incidents.incident_url,
    incidents.severity_level,
    incidents.is_repeat,
    round(incidents.active_seconds / 60.0)::integer as minutes,
    incidents.triggered_at::date as triggered_on,
    incidents.postmortem_id
from fct_incidents as incidents
cross join moment
cross join settings
where incidents.triggered_at > moment.now - to_days(settings.window_days)
qualify
    row_number() over (
        partition by incidents.service_id
        order by incidents.triggered_at desc, incidents.incident_id
    ) <= 40
order by incidents.service_id, incidents.triggered_at desc, incidents.incident_id
