-- One row per service name that the catalog doesn't know, most incidents first.
select source_name, stated_name, claimed_by, incident_count, newest_incident_at::date as newest_on
from rpt_unmatched_services
order by incident_count desc, stated_name
