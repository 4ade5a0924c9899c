{{ config(materialized=var('single_use')) }}
{#
    The goal of an epic: from the level that the service has by evidence, whatever its catalog
    declares, to the next one, or a higher one where a postmortem asks for it. The criteria that are
    still missing are the exit criteria.
#}

with candidates as (
    select * from {{ ref('int_promotion__candidates') }}
),

maturity as (
    select * from {{ ref('fct_service_maturity') }}
),

judged as (
    select * from {{ ref('rpt_service_maturity') }}
),

criteria as (
    select * from {{ ref('stg_modernization__maturity_criteria') }}
),

postmortems as (
    select * from {{ ref('int_promotion__postmortems') }}
),

targets as (
    select
        candidates.candidate_id,
        candidates.lead_service_id,
        coalesce(maturity.level_ordinal, 0) as current_ordinal,
        case
            when postmortems.wanted_ordinal > coalesce(maturity.level_ordinal, 0)
                then postmortems.wanted_ordinal
            else coalesce(maturity.level_ordinal, 0) + 1
        end as target_ordinal
    from candidates
    left join maturity on candidates.lead_service_id = maturity.service_id
    left join postmortems on candidates.candidate_id = postmortems.candidate_id
),

goals as (
    select
        targets.candidate_id,
        max(case
            when criteria.level_ordinal = targets.target_ordinal then criteria.maturity_level
        end) as target_maturity,
        {{ text_list(
            'case when not coalesce(judged.is_met, false) then criteria.criterion end',
            "'\n'",
            'order by criteria.level_ordinal, criteria.criterion_ordinal'
        ) }} as exit_criteria
    from targets
    inner join criteria
        on
            targets.current_ordinal < criteria.level_ordinal
            and targets.target_ordinal >= criteria.level_ordinal
    left join judged
        on
            targets.lead_service_id = judged.service_id
            and criteria.level_ordinal = judged.level_ordinal
            and criteria.criterion_ordinal = judged.criterion_ordinal
    group by targets.candidate_id
)

select * from goals
