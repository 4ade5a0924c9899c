-- One row per incident that a delivered epic's verdict counts, before or after it, the newest first.
select
    epics.epic_id,
    incidents.triggered_at >= epics.after_from as is_after,
    incidents.incident_id,
    incidents.incident_title,
    incidents.incident_url,
    cast(incidents.triggered_at as date) as triggered_on
from fct_epic_payback as epics
inner join fct_incidents as incidents
    on
        epics.service_id = incidents.service_id
        and (
            (incidents.triggered_at >= epics.before_from and incidents.triggered_at < epics.before_until)
            or (incidents.triggered_at >= epics.after_from and incidents.triggered_at < epics.after_until)
        )
where epics.delivered_at is not null and not incidents.is_flap
order by epics.delivered_at desc, incidents.triggered_at desc
