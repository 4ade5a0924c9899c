with scores as (
    select *
    from {{ ref('fct_service_scores') }}
    where is_latest
),

candidates as (
    select * from {{ ref('int_promotion__candidates') }}
),

reasons as (
    select * from {{ ref('int_promotion__reasons') }}
),

score_changes as (
    select * from {{ ref('rpt_score_changes') }}
),

incidents as (
    select * from {{ ref('int_promotion__incidents') }}
),

postmortems as (
    select * from {{ ref('int_promotion__postmortems') }}
),

risks as (
    select * from {{ ref('int_promotion__risks') }}
),

goals as (
    select * from {{ ref('int_promotion__goals') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

maturity as (
    select * from {{ ref('fct_service_maturity') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

capacity as (
    select * from {{ ref('stg_modernization__capacity') }}
),

bands as (
    select * from {{ ref('stg_modernization__scoring_bands') }}
),

change_lists as (
    select
        score_changes.service_id,
        {{ text_list(
            'score_changes.reason',
            "'\n'",
            'order by abs(score_changes.points_delta) desc, score_changes.factor'
        ) }} as factor_changes
    from score_changes
    group by score_changes.service_id
),

team_names as (
    select
        lower(teams.team_name) as team_key,
        min(teams.team_id) as team_id
    from teams
    group by lower(teams.team_name)
),

-- The team that a shared fix names, else that of the service.
owned as (
    select
        candidates.*,
        case
            when candidates.owner_name is null then services.team_id
            else team_names.team_id
        end as team_id
    from candidates
    inner join services on candidates.lead_service_id = services.service_id
    left join team_names on lower(candidates.owner_name) = team_names.team_key
),

assembled as (
    select
        owned.candidate_id as service_id,
        owned.lead_service_id,
        owned.shared_fix_id,
        owned.is_shared_fix,
        coalesce(owned.fix_title, services.service_name) as service_name,
        owned.member_names,
        teams.team_id,
        scores.scoring_date,
        scores.score_rank,
        scores.score,
        scores.score_delta,
        scores.coverage,
        scores.band,
        coalesce(owned.owner_name, teams.team_name, '') as owner_name,
        bands.due_in_days,
        case
            when owned.review_due_on is not null then owned.review_due_on
            when bands.due_in_days is not null
                then
                    {{ due_date(
                        'scores.band_entered_on', 'scores.scoring_date', 'bands.due_in_days'
                    ) }}
        end as due_date,
        owned.estimate_days,
        coalesce(teams.day_rate_usd, capacity.day_rate_usd) as day_rate_usd,
        owned.estimate_days * coalesce(teams.day_rate_usd, capacity.day_rate_usd)
            as budget_usd,
        coalesce(teams.wip_limit, capacity.wip_limit) as wip_limit,
        owned.slo_burn,
        maturity.maturity_level as current_maturity,
        maturity.declared_level as declared_maturity,
        goals.target_maturity,
        coalesce(goals.exit_criteria, '') as exit_criteria,
        coalesce(owned.fix_class, postmortems.fix_classes, '') as fix_classes,
        coalesce(postmortems.change_window, '') as change_window,
        reasons.reasons,
        coalesce(change_lists.factor_changes, '') as factor_changes,
        coalesce(incidents.incident_ids, '') as incident_ids,
        coalesce(incidents.incident_links, '') as incident_links,
        case
            when owned.is_shared_fix then coalesce(incidents.incident_count, 0)
            else scores.incident_count
        end as incident_count,
        coalesce(postmortems.postmortem_links, '') as postmortem_links,
        coalesce(risks.risk_ids, '') as risk_ids,
        coalesce(postmortems.slo_chart_url, services.dashboard_url) as slo_chart_url,
        services.jira_project_key as project_key,
        scores.rubric_hash,
        owned.review_decision,
        owned.review_reason,
        owned.review_decided_by,
        owned.is_opened_after_review,
        owned.review_decided_on,
        owned.review_hold_until,
        owned.newest_incident_at,
        scores.band_entered_on
    from owned
    inner join scores on owned.lead_service_id = scores.service_id
    inner join services on owned.lead_service_id = services.service_id
    left join maturity on owned.lead_service_id = maturity.service_id
    left join teams on owned.team_id = teams.team_id
    left join capacity on true
    left join bands on scores.band = bands.band
    left join goals on owned.candidate_id = goals.candidate_id
    left join reasons on owned.lead_service_id = reasons.service_id
    left join change_lists on owned.lead_service_id = change_lists.service_id
    left join incidents on owned.candidate_id = incidents.candidate_id
    left join postmortems on owned.candidate_id = postmortems.candidate_id
    left join risks on owned.candidate_id = risks.candidate_id
),

checked as (
    select
        assembled.*,
        case when assembled.owner_name = '' then 'owner,' else '' end
        || case when assembled.due_date is null then 'due_date,' else '' end
        || case when assembled.budget_usd is null then 'budget,' else '' end
        || case when assembled.exit_criteria = '' then 'exit_criteria,' else '' end
        || case
            when assembled.coverage < {{ var('promote_min_coverage') }} then 'coverage,'
            else ''
        end
            as missing_list,
        assembled.shared_fix_id is not null and not assembled.is_shared_fix as is_waiting
    from assembled
),

decided as (
    select
        -- ids
        checked.service_id,
        checked.lead_service_id,
        checked.shared_fix_id,
        checked.team_id,

        -- strings
        cast(checked.service_name as varchar) as service_name,
        cast(checked.member_names as varchar) as members,
        checked.band,
        case
            when checked.is_waiting then 'shared'
            when checked.band = 'promote_to_epic' and checked.missing_list = '' then 'promote'
            when checked.band = 'promote_to_epic' then 'blocked'
            when checked.band = 'bundle_with_existing' then 'bundle'
            else 'close'
        end as decision,
        case
            when
                checked.is_waiting
                or checked.band != 'promote_to_epic'
                or checked.missing_list = ''
                then ''
            else
                substring(checked.missing_list, 1, length(checked.missing_list) - 1)
        end as missing_fields,
        cast(checked.owner_name as varchar) as owner,
        checked.current_maturity,
        checked.declared_maturity,
        checked.target_maturity,
        cast(checked.exit_criteria as varchar) as exit_criteria,
        cast(checked.fix_classes as varchar) as fix_classes,
        cast(checked.change_window as varchar) as change_window,
        cast(checked.reasons as varchar) as reasons,
        cast(checked.factor_changes as varchar) as factor_changes,
        cast(checked.incident_ids as varchar) as incident_ids,
        cast(checked.incident_links as varchar) as incident_links,
        cast(checked.postmortem_links as varchar) as postmortem_links,
        cast(checked.risk_ids as varchar) as risk_ids,
        checked.slo_chart_url,
        checked.project_key,
        checked.rubric_hash,
        checked.review_decision,
        cast(checked.review_reason as varchar) as review_reason,
        cast(checked.review_decided_by as varchar) as review_decided_by,

        -- numbers
        checked.score_rank,
        checked.score,
        checked.score_delta,
        checked.coverage,
        cast(checked.slo_burn as double precision) as slo_burn,
        cast(checked.estimate_days as double precision) as estimate_days,
        cast(checked.day_rate_usd as double precision) as day_rate_usd,
        cast(checked.budget_usd as double precision) as budget_usd,
        cast(checked.wip_limit as bigint) as wip_limit,
        cast(checked.incident_count as bigint) as incident_count,

        -- booleans
        checked.is_opened_after_review,

        -- timestamps
        checked.due_date,
        cast(
            {{ time_after('cast(checked.due_date as timestamp)', var('proof_days'), 'day') }}
            as date
        ) as proven_after,
        checked.review_decided_on,
        checked.review_hold_until,
        checked.newest_incident_at,
        checked.band_entered_on as promoted_at,
        checked.scoring_date
    from checked
)

select * from decided
