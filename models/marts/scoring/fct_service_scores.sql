with history as (
    select * from {{ ref('int_scoring__history') }}
),

score_ids as (
    select * from {{ ref('int_scoring__score_ids') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

-- Scores from after as_of, by a run with a later one, are not known yet.
published as (
    select
        -- ids
        score_ids.score_id,
        score_ids.service_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        history.rubric_hash,
        history.band,

        -- numbers
        history.score_rank,
        history.score_percentile,
        history.score,
        history.lowest_score,
        history.highest_score,
        history.score_delta,
        history.points_slo_burn,
        history.points_repeats,
        history.points_mttr,
        history.points_blast_radius,
        history.points_dependency_centrality,
        history.points_revenue_impact,
        history.points_effort,
        history.points_ai_risk,
        history.coverage,
        history.incident_count,

        -- booleans
        history.is_band_held,
        history.scoring_date = max(history.scoring_date) over () as is_latest,

        -- timestamps
        history.newest_incident_at,
        history.band_entered_on,
        history.scoring_date,
        history.scoring_at
    from history
    inner join score_ids on history.score_id = score_ids.stored_score_id
    left join services on score_ids.service_id = services.service_id
    where history.scoring_date <= cast({{ as_of() }} as date)
)

select * from published
