{{ config(materialized=var('single_use')) }}

{#
    Incidents that an epic shows as its evidence, as recorded in the ledger: the newest twenty, as
    comma-separated text.
#}
{%- set shown = 20 -%}
with ledger as (
    select
        stated.epic_key,
        stated.said_incident_ids,
        {{ dbt.split_part('stated.tracker_instance', "':'", 1) }} as tracker_name
    from {{ ref('stg_paydown__epics') }} as stated
    where stated.said_incident_ids is not null
),

places as (
    {%- for place in range(1, shown + 1) %}
        {{ 'union all' if not loop.first }}
        select
            ledger.tracker_name || ':' || ledger.epic_key as epic_id,
            trim({{ dbt.split_part('ledger.said_incident_ids', "','", place) }}) as incident_id
        from ledger
    {%- endfor %}
),

shown as (
    select distinct
        places.epic_id,
        places.incident_id
    from places
    where places.incident_id != ''
)

select * from shown
