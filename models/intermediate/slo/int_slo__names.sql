{{ config(materialized=var('single_use')) }}

{#
    What monitoring may call an objective of a definition file. Sloth numbers the objectives of an
    OpenSLO file, and so calls its only one `<name>-0`.
#}
with objectives as (
    select * from {{ ref('stg_slo__objectives') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

stated as (
    select
        objectives.stated_service_name,
        objectives.slo_name,
        objectives.slo_name as slo_alias
    from objectives
    union distinct
    select
        objectives.stated_service_name,
        objectives.slo_name,
        objectives.numbered_name as slo_alias
    from objectives
),

resolved as (
    select
        coalesce(
            aliases.service_id, 'uncatalogued:' || lower(trim(stated.stated_service_name))
        ) as service_id,
        lower(trim(stated.slo_alias)) as slo_alias,
        lower(trim(stated.slo_name)) as slo_name
    from stated
    left join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(stated.stated_service_name)) = aliases.alias_value
),

-- An objective's own name is never another's.
named as (
    select
        resolved.service_id,
        resolved.slo_alias,
        coalesce(
            min(case when resolved.slo_name = resolved.slo_alias then resolved.slo_name end),
            min(resolved.slo_name)
        ) as slo_name
    from resolved
    group by resolved.service_id, resolved.slo_alias
)

select * from named
