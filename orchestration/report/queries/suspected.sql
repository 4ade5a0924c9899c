-- One row per pair of incidents of two tools that may be one outage, the newest first.
select
    service_id, service_name, incident_id, other_incident_id, incident_title, other_incident_title,
    source_name, other_source_name, incident_url, other_incident_url, triggered_at::date as triggered_on
from rpt_suspected_duplicates
order by triggered_at desc, suspicion_id
