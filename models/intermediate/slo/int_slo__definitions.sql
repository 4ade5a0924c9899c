{{ config(materialized=var('single_use')) }}

{# What each place that defines objectives says of each, before deciding which one counts. #}
with file_objectives as (
    select * from {{ ref('stg_slo__objectives') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

series as (
    select * from {{ ref('int_slo__series') }}
),

settings as (
    select * from {{ ref('stg_prometheus__settings') }}
),

slos as (
    select * from {{ ref('stg_datadog__slos') }}
),

thresholds as (
    select * from {{ ref('stg_datadog__slo_thresholds') }}
),

placed as (
    select
        file_objectives.*,
        coalesce(
            aliases.service_id,
            'uncatalogued:' || lower(trim(file_objectives.stated_service_name))
        ) as service_id
    from file_objectives
    left join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(file_objectives.stated_service_name)) = aliases.alias_value
),

-- Of two files that define one objective, the last by path counts: files edited by pull request
-- (modernization) come after landed ones.
filed as (
    select
        placed.*,
        row_number() over (
            partition by placed.service_id, lower(trim(placed.slo_name))
            order by
                placed.file_name desc,
                placed.line_number desc,
                placed.objective_ordinal desc,
                placed.objective desc
        ) as definition_rank
    from placed
),

-- One objective may be recorded in several series (one per cluster): the strictest counts.
recorded as (
    select
        series.slo_id,
        min(series.service_id) as service_id,
        min(series.slo_name) as slo_name,
        max(case when series.series_kind = 'objective' then settings.setting_value end)
            as objective,
        max(case when series.series_kind = 'period_days' then settings.setting_value end)
            as window_days
    from series
    inner join settings on series.source_series_id = settings.series_id
    where
        series.burn_source = 'prometheus'
        and series.series_kind in ('objective', 'period_days')
    group by series.slo_id
),

-- Of several targets that of the timeframe shown first counts, else that of 30 days.
targeted as (
    select
        series.slo_id,
        series.service_id,
        series.slo_name,
        slos.slo_description,
        thresholds.target_percent / 100 as objective,
        case thresholds.timeframe when '7d' then 7 when '30d' then 30 when '90d' then 90 end
            as window_days,
        row_number() over (
            partition by series.slo_id
            order by
                case
                    when thresholds.timeframe = slos.primary_timeframe then 0
                    when thresholds.timeframe = '30d' then 1
                    else 2
                end,
                thresholds.target_percent desc,
                thresholds.timeframe,
                slos.source_slo_id
        ) as threshold_rank
    from series
    inner join slos on series.source_series_id = slos.source_slo_id
    inner join thresholds on slos.source_slo_id = thresholds.source_slo_id
    where series.burn_source = 'datadog'
),

unioned as (
    select
        filed.service_id || ' > ' || lower(trim(filed.slo_name)) as slo_id,
        filed.service_id,
        lower(trim(filed.slo_name)) as slo_name,
        'file' as definition_source,
        filed.slo_description,
        filed.indicator_kind,
        filed.objective,
        filed.window_days
    from filed
    where filed.definition_rank = 1
    union all
    select
        recorded.slo_id,
        recorded.service_id,
        recorded.slo_name,
        'prometheus' as definition_source,
        cast(null as varchar) as slo_description,
        cast(null as varchar) as indicator_kind,
        recorded.objective,
        recorded.window_days
    from recorded
    union all
    select
        targeted.slo_id,
        targeted.service_id,
        targeted.slo_name,
        'datadog' as definition_source,
        targeted.slo_description,
        cast(null as varchar) as indicator_kind,
        targeted.objective,
        targeted.window_days
    from targeted
    where targeted.threshold_rank = 1
)

select * from unioned
