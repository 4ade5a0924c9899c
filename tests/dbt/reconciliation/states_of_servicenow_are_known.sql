-- A state that nobody knows, in a record that says nothing else of whether it is over, would leave
-- the incident open for ever. Add the word to seeds/servicenow_states.csv, or export the columns
-- active, resolved_at and closed_at.
{{ config(meta={'dagster': {'ref': {'name': 'stg_servicenow__incidents'}}}) }}

select
    incidents.source_status_value,
    incidents.source_status,
    count(*) as incident_count,
    min(incidents.source_incident_id) as first_incident
from {{ ref('stg_servicenow__incidents') }} as incidents
left join {{ ref('servicenow_states') }} as by_value
    on lower(trim(incidents.source_status_value)) = by_value.state_word
left join {{ ref('servicenow_states') }} as by_name
    on lower(trim(incidents.source_status)) = by_name.state_word
where
    by_value.state_word is null
    and by_name.state_word is null
    and incidents.is_active is null
    and incidents.resolved_at is null
    and incidents.closed_at is null
group by incidents.source_status_value, incidents.source_status
