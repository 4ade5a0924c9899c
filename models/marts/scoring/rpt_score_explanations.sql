-- `section` and `line` are plain names; no warehouse reserves the words.
-- noqa: disable=references.keywords
{#
    Why a candidate has its score, line by line, as `paydown explain` prints it. A shared fix is
    explained by the service that leads it.
#}
{%- set no_data = {
    'slo_burn': 'no SLO is measured, and no postmortem of a resolved incident states a burn rate',
    'repeats': 'too few incidents say what failed, by failure mode, alert key or title',
    'mttr': 'no incident with a known end',
    'blast_radius': 'no postmortem states the share of users, or regulated data',
    'dependency_centrality': 'the service is not in the catalog',
    'revenue_impact': 'no postmortem states what was lost',
    'effort': 'no postmortem estimates the fix',
    'ai_risk': 'no postmortem says whether AI-written code lacked tests',
} -%}

with candidates as (
    select * from {{ ref('rpt_promotion_candidates') }}
),

scores as (
    select *
    from {{ ref('fct_service_scores') }}
    where is_latest
),

factors as (
    select * from {{ ref('fct_service_score_factors') }}
),

score_changes as (
    select * from {{ ref('rpt_score_changes') }}
),

rank_stability as (
    select * from {{ ref('rpt_rank_stability') }}
),

score_lines as (
    select
        candidates.service_id,
        'score' as section,
        1 as line_position,
        candidates.service_name as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        candidates.service_name || ': ' || cast(candidates.score as varchar) || ' points, rank '
        || cast(candidates.score_rank as varchar) as line
    from candidates
    union all
    select
        candidates.service_id,
        'score' as section,
        2 as line_position,
        candidates.band as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        candidates.band
        || coalesce(' since ' || cast(candidates.promoted_at as varchar), ' for more than 90 days')
        || ', decision ' || candidates.decision
        || case
            when candidates.score_delta > 0
                then ', +' || cast(candidates.score_delta as varchar) || ' in 7 days'
            when candidates.score_delta < 0
                then ', ' || cast(candidates.score_delta as varchar) || ' in 7 days'
            else ''
        end
        || ', ' || {{ number_text('100 * candidates.coverage', 0) }}
        || '% of the rubric''s weight rests on data'
        || case
            when scores.lowest_score = scores.highest_score then ''
            else
                ', could be ' || cast(scores.lowest_score as varchar) || ' to '
                || cast(scores.highest_score as varchar)
        end
        || ' (rubric ' || candidates.rubric_hash || ')'
            as line
    from candidates
    inner join scores on candidates.lead_service_id = scores.service_id
),

factor_lines as (
    select
        candidates.service_id,
        'factor' as section,
        row_number() over (
            partition by candidates.service_id
            order by
                case when factors.has_data then 0 else 1 end,
                abs(factors.weight) desc,
                factors.factor
        ) as line_position,
        factors.factor as label,
        factors.points,
        factors.weight,
        factors.factor_level,
        factors.raw_value as factor_value,
        case
            when factors.factor_level is not null then factors.evidence
            {%- for factor, reason in no_data.items() %}
                when factors.factor = '{{ factor }}' then 'no data: {{ reason }}'
            {%- endfor %}
            else 'no data: nothing is known'
        end as line
    from candidates
    inner join factors
        on
            candidates.lead_service_id = factors.service_id
            and candidates.scoring_date = factors.scoring_date
),

change_lines as (
    select
        candidates.service_id,
        'change' as section,
        row_number() over (
            partition by candidates.service_id
            order by abs(score_changes.points_delta) desc, score_changes.factor
        ) as line_position,
        score_changes.factor as label,
        score_changes.points_delta as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        coalesce(
            score_changes.reason, 'no factor has changed its points in the last 7 days'
        ) as line
    from candidates
    left join score_changes on candidates.lead_service_id = score_changes.service_id
),

stability_lines as (
    select
        candidates.service_id,
        'stability' as section,
        1 as line_position,
        rank_stability.band as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        'with thresholds moved by 10 % it keeps the band of its score in '
        || {{ number_text('100 * rank_stability.same_band_share', 0) }} || '% of '
        || cast(rank_stability.scenario_count as varchar) || ' cases, '
        || cast(rank_stability.lowest_score as varchar)
        || case
            when rank_stability.lowest_score = rank_stability.highest_score then ''
            else ' to ' || cast(rank_stability.highest_score as varchar)
        end
        || ' points, rank ' || cast(rank_stability.best_rank as varchar)
        || case
            when rank_stability.best_rank = rank_stability.worst_rank then ''
            else ' to ' || cast(rank_stability.worst_rank as varchar)
        end as line
    from candidates
    inner join rank_stability on candidates.lead_service_id = rank_stability.service_id
),

epic_lines as (
    select
        candidates.service_id,
        'epic' as section,
        1 as line_position,
        'shared fix' as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        case
            when candidates.members != '' then 'one change for ' || candidates.members
            else 'waits for the shared fix ' || candidates.shared_fix_id
        end as line
    from candidates
    where
        candidates.members != ''
        or candidates.decision = 'shared'
    union all
    select
        candidates.service_id,
        'epic' as section,
        2 as line_position,
        'missing' as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        'no epic without: ' || replace(candidates.missing_fields, ',', ', ') as line
    from candidates
    where candidates.missing_fields is not null and candidates.missing_fields != ''
    union all
    select
        candidates.service_id,
        'epic' as section,
        3 as line_position,
        'terms' as label,
        cast(null as integer) as points,
        cast(null as double precision) as weight,
        cast(null as varchar) as factor_level,
        cast(null as double precision) as factor_value,
        'owner ' || coalesce(candidates.owner, '?')
        || ', due ' || coalesce(cast(candidates.due_date as varchar), '?')
        || ', proven after ' || coalesce(cast(candidates.proven_after as varchar), '?')
        || ', ' || coalesce({{ number_text('candidates.estimate_days') }} || ' days', 'no estimate')
        || ' at ' || coalesce('$' || {{ number_text('candidates.day_rate_usd', 0) }}, '?')
        || ' = ' || coalesce('$' || {{ number_text('candidates.budget_usd', 0) }}, '?')
        || ', maturity ' || coalesce(candidates.current_maturity, 'none')
        || case
            when candidates.declared_maturity is not null
                then ' (declared ' || candidates.declared_maturity || ')'
            else ''
        end
        || ' to ' || coalesce(candidates.target_maturity, '?')
        || ', fix ' || coalesce(candidates.fix_classes, '?') as line
    from candidates
),

explained as (
    select * from score_lines
    union all
    select * from factor_lines
    union all
    select * from change_lines
    union all
    select * from stability_lines
    union all
    select * from epic_lines
)

select
    -- ids
    explained.service_id || ' ' || explained.section || ' '
    || cast(explained.line_position as varchar) as explanation_id,
    explained.service_id,
    candidates.team_id,

    -- strings
    candidates.service_name,
    candidates.owner,
    explained.section,
    explained.label,
    explained.factor_level,
    explained.line,

    -- numbers
    cast(explained.line_position as integer) as line_position,
    cast(explained.points as integer) as points,
    explained.weight,
    explained.factor_value
from explained
inner join candidates on explained.service_id = candidates.service_id
