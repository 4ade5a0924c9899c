-- A state that nobody knows decides whether an incident counts: where the record says nothing else
-- of whether it is over, it would be open for ever; where it is over without a time at which it was
-- resolved, it may have been canceled. Add the word to seeds/servicenow_states.csv, or export the
-- columns active, resolved_at and closed_at.
{{ config(meta={'dagster': {'ref': {'name': 'stg_servicenow__incidents'}}}) }}

select
    'state is in no list; add the word to seeds/servicenow_states.csv' as rule_name,
    coalesce(incidents.source_status, incidents.source_status_value) as word,
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
    and incidents.resolved_at is null
    and not coalesce(incidents.is_active, false)
    and (
        incidents.source_status is not null
        or (incidents.is_active is null and incidents.closed_at is null)
    )
group by coalesce(incidents.source_status, incidents.source_status_value)
