{#
    A row when a service is first seen, and one for each day on which its level changed. Built up
    run by run, since yesterday's evidence is gone: another run of the newest day replaces that day,
    and a run of an earlier day changes nothing. A renamed service keeps its rows.
#}
-- depends_on: {{ ref('int_services__former_ids') }}
{{
    config(
        materialized='incremental',
        full_refresh=false,
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        pre_hook=["
            {%- if is_incremental() -%}
            delete from {{ this }}
            where
                changed_on = cast({{ as_of() }} as date)
                and changed_on = (select max(newest.changed_on) from {{ this }} as newest)
            {%- endif -%}
        ", "{{ rename_services() }}"]
    )
}}

with maturity as (
    select * from {{ ref('fct_service_maturity') }}
),

{% if is_incremental() %}
    history as (
        select
            changes.*,
            row_number() over (
                partition by changes.service_id
                order by changes.changed_on desc
            ) as recency,
            max(changes.changed_on) over () as newest_on
        from {{ this }} as changes
    ),
{% else %}
    history as (
        select
            maturity.service_id,
            maturity.maturity_level,
            maturity.level_ordinal,
            maturity.measured_on as newest_on,
            1 as recency
        from maturity
        where false
    ),
{% endif %}

newest as (
    select max(history.newest_on) as newest_on from history
),

changes as (
    select
        -- ids
        maturity.service_id,
        maturity.team_id,

        -- strings
        maturity.service_name,
        maturity.owner,
        maturity.maturity_level,
        history.maturity_level as previous_level,
        maturity.met_criteria,

        -- numbers
        maturity.level_ordinal,

        -- timestamps
        maturity.measured_on as changed_on
    from maturity
    cross join newest
    left join history
        on
            maturity.service_id = history.service_id
            and history.recency = 1
    where
        (newest.newest_on is null or maturity.measured_on > newest.newest_on)
        and (history.service_id is null or maturity.level_ordinal != history.level_ordinal)
)

select * from changes
