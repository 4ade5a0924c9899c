with objectives as (
    select * from {{ ref('int_slo__objectives') }}
),

series as (
    select * from {{ ref('int_slo__series') }}
),

-- Measurements without a stated objective are here too, without a budget.
known as (
    select
        objectives.slo_id,
        objectives.service_id,
        objectives.slo_name
    from objectives
    union distinct
    select
        series.slo_id,
        series.service_id,
        series.slo_name
    from series
),

budgets as (
    select
        -- ids
        known.slo_id,
        known.service_id,

        -- strings
        known.slo_name,
        objectives.indicator_kind,
        objectives.objective_source,

        -- numbers
        objectives.objective,
        coalesce(objectives.window_days, 30) as window_days,
        coalesce(objectives.window_days, 30) * 86400 as period_seconds,
        -- An objective of 1 leaves no budget.
        nullif((1 - objectives.objective) * objectives.window_days * 86400, 0)
            as budget_seconds
    from known
    left join objectives on known.slo_id = objectives.slo_id
)

select * from budgets
