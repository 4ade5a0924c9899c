{{ config(materialized=var('single_use')) }}

{#- The newest twenty are enough here; all of them are in fct_incidents. -#}
{%- set shown = 20 -%}

with members as (
    select * from {{ ref('int_promotion__members') }}
),

windowed as (
    select * from {{ ref('int_scoring__window_incidents') }}
),

incidents as (
    select * from {{ ref('int_incidents__counted') }}
),

-- An incident of two members is one incident of their shared fix.
found as (
    select distinct
        members.candidate_id,
        windowed.incident_id,
        windowed.triggered_at
    from members
    inner join windowed
        on
            members.service_id = windowed.service_id
            and members.scoring_date = windowed.scoring_date
),

numbered as (
    select
        found.*,
        count(*) over (partition by found.candidate_id) as incident_count,
        row_number() over (
            partition by found.candidate_id
            order by found.triggered_at desc, found.incident_id
        ) as recency
    from found
),

listed as (
    select
        numbered.candidate_id,
        cast(max(numbered.incident_count) as bigint) as incident_count,
        {{ text_list('numbered.incident_id', "', '", 'order by numbered.recency') }}
            as incident_ids,
        {{ text_list(
            link_line('numbered.incident_id', 'incidents.incident_title', 'incidents.incident_url'),
            "'\n'",
            'order by numbered.recency'
        ) }} as incident_links
    from numbered
    left join incidents on numbered.incident_id = incidents.incident_id
    where numbered.recency <= {{ shown }}
    group by numbered.candidate_id
)

select * from listed
