{{ config(materialized=var('single_use')) }}

{#
    One row per counted incident and postmortem of it, in the order in which they became known, with
    what was known of the incident from then on: for each field the last postmortem that states it
    counts, so that a later one that doesn't mention it takes nothing back.
#}
{%- set fields = [
    'causal_service_id', 'failure_mode', 'regulations', 'users_share', 'estimate_days',
    'is_ai_code_without_tests', 'max_burn_rate', 'revenue_usd', 'impact_started_at',
] -%}
{#- What a postmortem says once for all its incidents, so the postmortem must be known. -#}
{%- set once = ['max_burn_rate', 'revenue_usd', 'impact_started_at'] -%}

with classified as (
    select * from {{ ref('int_incidents__classified') }}
),

links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

-- A postmortem may name one incident twice, by its number in each of two tools.
linked as (
    select distinct
        links.postmortem_id,
        links.incident_id
    from links
    inner join classified on links.incident_id = classified.incident_id
    where
        links.is_linked
        and classified.exclusion_reason is null
),

-- A postmortem without a day of completion was known from the beginning.
ordered as (
    select
        linked.incident_id,
        postmortems.*,
        row_number() over (
            partition by linked.incident_id
            order by
                case when postmortems.completed_at is null then 0 else 1 end,
                postmortems.completed_at,
                linked.postmortem_id desc
        ) as review_number
    from linked
    inner join postmortems on linked.postmortem_id = postmortems.postmortem_id
),

numbered as (
    select
        ordered.*,
        {%- for field in fields %}
            count(ordered.{{ field }}) over (
                partition by ordered.incident_id
                order by ordered.review_number
                rows between unbounded preceding and current row
            ) as {{ field }}_number,
        {%- endfor %}
        lead(ordered.completed_at) over (
            partition by ordered.incident_id
            order by ordered.review_number
        ) as known_until,
        count(*) over (partition by ordered.incident_id) as review_count
    from ordered
),

stated as (
    select
        numbered.incident_id,
        numbered.postmortem_id,
        {%- for field in fields %}
            first_value(numbered.{{ field }}) over (
                partition by numbered.incident_id, numbered.{{ field }}_number
                order by numbered.review_number
                rows between unbounded preceding and current row
            ) as {{ field }},
        {%- endfor %}
        {%- for field in once %}
            case
                when numbered.{{ field }}_number > 0
                    then
                        first_value(numbered.postmortem_id) over (
                            partition by numbered.incident_id, numbered.{{ field }}_number
                            order by numbered.review_number
                            rows between unbounded preceding and current row
                        )
            end as {{ field }}_said_by,
        {%- endfor %}
        numbered.review_number = numbered.review_count as is_last,
        numbered.completed_at as known_from,
        numbered.known_until
    from numbered
),

-- Postmortems of one moment: only the last counts, since all became known together.
effective as (
    select stated.*
    from stated
    where
        stated.is_last
        or stated.known_from < stated.known_until
        or (stated.known_from is null and stated.known_until is not null)
)

select
    effective.incident_id || ' / ' || effective.postmortem_id as incident_postmortem_id,
    effective.*
from effective
