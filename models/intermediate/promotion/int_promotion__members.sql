{#
    The candidates for epics: every scored service for itself, and every shared fix for all of its
    services, as soon as one of them is to be promoted or bundled.
#}
with latest_scores as (
    select history.*
    from (
        select
            scored.*,
            max(scored.scoring_date) over () as latest_date
        from {{ ref('int_scoring__history') }} as scored
        where scored.scoring_date <= cast({{ as_of() }} as date)
    ) as history
    where history.scoring_date = history.latest_date
),

fix_members as (
    select * from {{ ref('stg_modernization__shared_fix_members') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

-- Two names of one service may have put it into two fixes: the first counts.
resolved as (
    select
        fix_members.fix_id,
        aliases.service_id,
        row_number() over (
            partition by aliases.service_id
            order by fix_members.fix_ordinal, fix_members.service_name
        ) as claim_rank
    from fix_members
    inner join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(fix_members.service_name)) = aliases.alias_value
),

fix_scores as (
    select
        resolved.fix_id,
        latest_scores.*,
        max(case when latest_scores.band != 'close_as_hygiene' then 1 else 0 end) over (
            partition by resolved.fix_id
        ) as is_wanted
    from resolved
    inner join latest_scores on resolved.service_id = latest_scores.service_id
    where resolved.claim_rank = 1
),

members as (
    select
        latest_scores.service_id || ' > ' || latest_scores.service_id as member_id,
        latest_scores.service_id as candidate_id,
        cast(null as varchar) as fix_id,
        latest_scores.service_id,
        latest_scores.score_id,
        latest_scores.band,
        latest_scores.score_rank,
        latest_scores.newest_incident_at,
        latest_scores.scoring_date
    from latest_scores
    union all
    select
        'shared-fix:' || fix_scores.fix_id || ' > ' || fix_scores.service_id as member_id,
        'shared-fix:' || fix_scores.fix_id as candidate_id,
        fix_scores.fix_id,
        fix_scores.service_id,
        fix_scores.score_id,
        fix_scores.band,
        fix_scores.score_rank,
        fix_scores.newest_incident_at,
        fix_scores.scoring_date
    from fix_scores
    where fix_scores.is_wanted = 1
)

select * from members
