{#
    Which definition of an objective counts: the file, else what Prometheus recorded, else Datadog.
    A value that one leaves out comes from the next.
#}
with definitions as (
    select * from {{ ref('int_slo__definitions') }}
),

filed as (
    select *
    from definitions
    where definition_source = 'file'
),

recorded as (
    select *
    from definitions
    where definition_source = 'prometheus'
),

targeted as (
    select *
    from definitions
    where definition_source = 'datadog'
),

slos as (
    select distinct
        definitions.slo_id,
        definitions.service_id,
        definitions.slo_name
    from definitions
),

decided as (
    select
        -- ids
        slos.slo_id,
        slos.service_id,

        -- strings
        slos.slo_name,
        coalesce(filed.slo_description, targeted.slo_description) as slo_description,
        filed.indicator_kind,
        case
            when filed.objective is not null then 'file'
            when recorded.objective is not null then 'prometheus'
            when targeted.objective is not null then 'datadog'
        end as objective_source,

        -- numbers
        coalesce(filed.objective, recorded.objective, targeted.objective) as objective,
        coalesce(filed.window_days, recorded.window_days, targeted.window_days, 30)
            as window_days,

        -- booleans
        coalesce(filed.window_days, recorded.window_days, targeted.window_days) is null
            as is_window_assumed
    from slos
    left join filed on slos.slo_id = filed.slo_id
    left join recorded on slos.slo_id = recorded.slo_id
    left join targeted on slos.slo_id = targeted.slo_id
)

select * from decided
