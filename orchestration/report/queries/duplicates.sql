-- One row per reason why records count as no incident of their own.
select exclusion_reason, count(*) as record_count
from rpt_excluded_incidents
group by exclusion_reason
order by record_count desc, exclusion_reason
