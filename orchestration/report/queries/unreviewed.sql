-- One row per incident that requires a review and has none: those with days left first, then the newest.
select
    incident_id, service_id, service_name, owner, incident_title, incident_url, severity_level,
    business_days, days_over, possible_points, is_open, is_overdue, triggered_at::date as triggered_on
from rpt_unreviewed_incidents
order by is_overdue, if(is_overdue, days_over, -days_over), triggered_at desc
