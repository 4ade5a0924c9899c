with history as (
    select * from {{ ref('int_scoring__factor_history') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

published as (
    select
        -- ids
        history.score_factor_id,
        history.score_id,
        history.service_id,
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

        -- booleans
        history.has_data,

        -- timestamps
        history.scoring_date
    from history
    left join services on history.service_id = services.service_id
    where history.scoring_date <= cast({{ as_of() }} as date)
)

select * from published
