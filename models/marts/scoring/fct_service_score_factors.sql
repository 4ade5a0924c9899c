with history as (
    select * from {{ ref('int_scoring__factor_history') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

score_ids as (
    select * from {{ ref('int_scoring__score_ids') }}
),

published as (
    select
        -- ids
        score_ids.score_id || ' / ' || history.factor as score_factor_id,
        score_ids.score_id,
        score_ids.service_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        history.rubric_hash,
        history.factor,
        history.factor_level,
        history.evidence,

        -- numbers
        history.weight,
        history.raw_value,
        history.points,
        history.highest_points,
        history.level_raised_by,
        history.level_at_least,
        history.level_at_most,

        -- booleans
        history.has_data,

        -- timestamps
        history.scoring_date
    from history
    inner join score_ids on history.score_id = score_ids.stored_score_id
    left join services on score_ids.service_id = services.service_id
    where history.scoring_date <= cast({{ as_of() }} as date)
)

select * from published
