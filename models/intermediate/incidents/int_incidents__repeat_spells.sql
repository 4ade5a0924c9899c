{{ config(materialized=var('single_use')) }}

{#
    One row per incident, earlier incident of the same fingerprint within the rubric's days, and
    interval in which that was known: for that long the incident is a repeat. Of the earlier
    incidents that were always known to be alike the nearest suffices, so that a noisy alert
    doesn't pair each of its incidents with every other.
#}
{#- Separate joins, so that the first one pairs by number. -#}
{%- set earlier_ones = [
    'later.nearest_number = earlier.spell_number',
    'later.spell_number > earlier.spell_number
                and later.incident_id != earlier.incident_id
                and not earlier.is_always_known',
] -%}

with spells as (
    select * from {{ ref('int_incidents__fingerprint_spells') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

-- A ticket's field may say the same as the postmortem.
distinct_spells as (
    select distinct
        spells.incident_id,
        spells.fingerprint,
        spells.known_from is null and spells.known_until is null as is_always_known,
        spells.triggered_at,
        spells.known_from,
        spells.known_until
    from spells
),

numbered as (
    select
        distinct_spells.*,
        row_number() over (
            partition by distinct_spells.fingerprint
            order by distinct_spells.triggered_at, distinct_spells.incident_id
        ) as spell_number
    from distinct_spells
),

preceded as (
    select
        numbered.*,
        max(case when numbered.is_always_known then numbered.spell_number end) over (
            partition by numbered.fingerprint
            order by numbered.spell_number
            rows between unbounded preceding and 1 preceding
        ) as nearest_number
    from numbered
),

alike as (
    {%- for is_repeated in earlier_ones %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            later.incident_id,
            later.fingerprint,
            later.triggered_at,
            later.known_from,
            later.known_until,
            earlier.incident_id as repeat_of_id,
            earlier.triggered_at as repeat_of_triggered_at,
            earlier.known_from as earlier_known_from,
            earlier.known_until as earlier_known_until
        from preceded as later
        inner join preceded as earlier
            on
                later.fingerprint = earlier.fingerprint
                and {{ is_repeated }}
    {%- endfor %}
),

-- An open beginning sorts before, an open end after every other.
pairs as (
    select
        alike.incident_id,
        alike.fingerprint,
        alike.repeat_of_id,
        case
            when alike.known_from is null or alike.earlier_known_from > alike.known_from
                then alike.earlier_known_from
            else alike.known_from
        end as known_from,
        case
            when alike.known_until is null or alike.earlier_known_until < alike.known_until
                then alike.earlier_known_until
            else alike.known_until
        end as known_until
    from alike
    cross join settings
    where
        {{ in_window(
            'alike.repeat_of_triggered_at', 'settings.repeat_window_days', 'alike.triggered_at'
        ) }}
)

select pairs.*
from pairs
where
    pairs.known_from is null
    or pairs.known_until is null
    or pairs.known_from < pairs.known_until
