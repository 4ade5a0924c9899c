{{ config(materialized=var('single_use')) }}

with candidates as (
    select * from {{ ref('int_promotion__candidates') }}
),

services as (
    select * from {{ ref('int_services__catalogued') }}
),

criteria as (
    select * from {{ ref('stg_modernization__maturity_criteria') }}
),

postmortems as (
    select * from {{ ref('int_promotion__postmortems') }}
),

maturity_levels as (
    select distinct
        criteria.maturity_level,
        criteria.level_ordinal
    from criteria
),

-- The next level, or a higher one where a postmortem asks for it.
targets as (
    select
        candidates.candidate_id,
        coalesce(reached.level_ordinal, 0) as current_ordinal,
        case
            when postmortems.wanted_ordinal > coalesce(reached.level_ordinal, 0)
                then postmortems.wanted_ordinal
            else coalesce(reached.level_ordinal, 0) + 1
        end as target_ordinal
    from candidates
    left join services on candidates.lead_service_id = services.service_id
    left join maturity_levels as reached
        on services.maturity_level = reached.maturity_level
    left join postmortems on candidates.candidate_id = postmortems.candidate_id
),

goals as (
    select
        targets.candidate_id,
        max(case
            when criteria.level_ordinal = targets.target_ordinal then criteria.maturity_level
        end) as target_maturity,
        {{ text_list(
            'criteria.criterion',
            "'\n'",
            'order by criteria.level_ordinal, criteria.criterion_ordinal'
        ) }} as exit_criteria
    from targets
    inner join criteria
        on
            targets.current_ordinal < criteria.level_ordinal
            and targets.target_ordinal >= criteria.level_ordinal
    group by targets.candidate_id
)

select * from goals
