with scores as (
    select *
    from {{ ref('fct_service_scores') }}
    where is_latest
),

score_factors as (
    select * from {{ ref('fct_service_score_factors') }}
),

services as (
    select * from {{ ref('dim_services') }}
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

criteria as (
    select * from {{ ref('stg_modernization__maturity_criteria') }}
),

windowed as (
    select windowed_incidents.*
    from {{ ref('int_scoring__window_incidents') }} as windowed_incidents
    inner join scores
        on
            windowed_incidents.scoring_date = scores.scoring_date
            and windowed_incidents.service_id = scores.service_id
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

maturity_levels as (
    select distinct
        criteria.maturity_level,
        criteria.level_ordinal
    from criteria
),

reasons as (
    select
        score_factors.score_id,
        {{ dbt.listagg(
            "case
                when score_factors.has_data then
                    score_factors.factor || ': ' || cast(score_factors.points as varchar)
                    || ' of ' || score_factors.weight_text || ' points, '
                    || score_factors.evidence
                else
                    score_factors.factor || ': no data for its '
                    || score_factors.weight_text || ' points'
            end",
            "'\n'",
            "order by
                case when score_factors.has_data then 0 else 1 end,
                abs(score_factors.weight) desc,
                score_factors.factor"
        ) }} as reasons
    from (
        select
            score_factors.*,
            {{ number_text('score_factors.weight', 0) }} as weight_text
        from score_factors
    ) as score_factors
    group by score_factors.score_id
),

-- The newest twenty tell the story; all of them are in fct_incidents.
recent_incidents as (
    select
        windowed.service_id,
        windowed.incident_id,
        windowed.triggered_at,
        row_number() over (
            partition by windowed.service_id
            order by windowed.triggered_at desc, windowed.incident_id
        ) as recency
    from windowed
),

incident_lists as (
    select
        recent_incidents.service_id,
        {{ dbt.listagg(
            'recent_incidents.incident_id', "', '", 'order by recent_incidents.recency'
        ) }} as incident_ids
    from recent_incidents
    where recent_incidents.recency <= 20
    group by recent_incidents.service_id
),

reviewed as (
    select distinct
        windowed.service_id,
        postmortems.postmortem_id,
        postmortems.target_maturity,
        postmortems.slo_chart_url
    from windowed
    inner join postmortems on windowed.postmortem_id = postmortems.postmortem_id
),

postmortem_lists as (
    select
        reviewed.service_id,
        {{ dbt.listagg('reviewed.postmortem_id', "', '", 'order by reviewed.postmortem_id') }}
            as postmortem_ids,
        max(reviewed.slo_chart_url) as slo_chart_url,
        max(maturity_levels.level_ordinal) as wanted_ordinal
    from reviewed
    left join maturity_levels on reviewed.target_maturity = maturity_levels.maturity_level
    group by reviewed.service_id
),

fix_lists as (
    select
        wanted.service_id,
        {{ dbt.listagg('wanted.fix_class', "', '", 'order by wanted.fix_class') }}
            as fix_classes
    from (
        select distinct
            reviewed.service_id,
            fixes.fix_class
        from reviewed
        inner join {{ ref('stg_postmortems__postmortem_fix_classes') }} as fixes
            on reviewed.postmortem_id = fixes.postmortem_id
    ) as wanted
    group by wanted.service_id
),

reviewed_risks as (
    select distinct
        reviewed.service_id,
        risks.risk_id
    from reviewed
    inner join {{ ref('stg_postmortems__postmortem_risks') }} as risks
        on reviewed.postmortem_id = risks.postmortem_id
),

-- Where no postmortem names a risk, the register tells those of the service.
known_risks as (
    select
        reviewed_risks.service_id,
        reviewed_risks.risk_id
    from reviewed_risks
    union all
    select
        registered.service_id,
        registered.risk_id
    from {{ ref('int_services__risks') }} as registered
    left join (select distinct reviewed_risks.service_id from reviewed_risks) as named
        on registered.service_id = named.service_id
    where named.service_id is null
),

risk_lists as (
    select
        known_risks.service_id,
        {{ dbt.listagg('known_risks.risk_id', "', '", 'order by known_risks.risk_id') }}
            as risk_ids
    from known_risks
    group by known_risks.service_id
),

estimates as (
    select
        score_factors.score_id,
        score_factors.raw_value as estimate_days
    from score_factors
    where score_factors.factor = 'effort'
),

-- The next level, or a higher one where a postmortem asks for it.
targets as (
    select
        services.service_id,
        coalesce(reached.level_ordinal, 0) as current_ordinal,
        case
            when postmortem_lists.wanted_ordinal > coalesce(reached.level_ordinal, 0)
                then postmortem_lists.wanted_ordinal
            else coalesce(reached.level_ordinal, 0) + 1
        end as target_ordinal
    from services
    left join maturity_levels as reached
        on services.maturity_level = reached.maturity_level
    left join postmortem_lists on services.service_id = postmortem_lists.service_id
),

exits as (
    select
        targets.service_id,
        max(case
            when criteria.level_ordinal = targets.target_ordinal then criteria.maturity_level
        end) as target_maturity,
        {{ dbt.listagg(
            'criteria.criterion',
            "'\n'",
            'order by criteria.level_ordinal, criteria.criterion_ordinal'
        ) }} as exit_criteria
    from targets
    inner join criteria
        on
            targets.current_ordinal < criteria.level_ordinal
            and targets.target_ordinal >= criteria.level_ordinal
    group by targets.service_id
),

assembled as (
    select
        scores.service_id,
        services.service_name,
        scores.scoring_date,
        scores.score_rank,
        scores.score,
        scores.score_delta,
        scores.coverage,
        scores.band,
        coalesce(teams.team_name, '') as owner_name,
        bands.due_in_days,
        case
            when bands.due_in_days is not null
                then
                    {{ due_date(
                        'scores.band_entered_on', 'scores.scoring_date', 'bands.due_in_days'
                    ) }}
        end as due_date,
        estimates.estimate_days,
        coalesce(teams.day_rate_usd, capacity.day_rate_usd) as day_rate_usd,
        estimates.estimate_days * coalesce(teams.day_rate_usd, capacity.day_rate_usd)
            as budget_usd,
        services.maturity_level as current_maturity,
        exits.target_maturity,
        coalesce(exits.exit_criteria, '') as exit_criteria,
        coalesce(fix_lists.fix_classes, '') as fix_classes,
        reasons.reasons,
        coalesce(incident_lists.incident_ids, '') as incident_ids,
        scores.incident_count,
        coalesce(postmortem_lists.postmortem_ids, '') as postmortem_ids,
        coalesce(risk_lists.risk_ids, '') as risk_ids,
        coalesce(postmortem_lists.slo_chart_url, services.dashboard_url) as slo_chart_url,
        services.jira_project_key as project_key,
        scores.rubric_hash,
        scores.newest_incident_at,
        scores.band_entered_on
    from scores
    inner join services on scores.service_id = services.service_id
    left join teams on services.team_id = teams.team_id
    left join capacity on true
    left join bands on scores.band = bands.band
    left join exits on scores.service_id = exits.service_id
    left join reasons on scores.score_id = reasons.score_id
    left join estimates on scores.score_id = estimates.score_id
    left join incident_lists on scores.service_id = incident_lists.service_id
    left join postmortem_lists on scores.service_id = postmortem_lists.service_id
    left join fix_lists on scores.service_id = fix_lists.service_id
    left join risk_lists on scores.service_id = risk_lists.service_id
),

checked as (
    select
        assembled.*,
        case when assembled.owner_name = '' then 'owner,' else '' end
        || case when assembled.due_date is null then 'due_date,' else '' end
        || case when assembled.budget_usd is null then 'budget,' else '' end
        || case when assembled.exit_criteria = '' then 'exit_criteria,' else '' end
            as missing_list
    from assembled
),

candidates as (
    select
        -- ids
        checked.service_id,

        -- strings
        checked.service_name,
        checked.band,
        case
            when checked.band = 'promote_to_epic' and checked.missing_list = '' then 'promote'
            when checked.band = 'promote_to_epic' then 'blocked'
            when checked.band = 'bundle_with_existing' then 'bundle'
            else 'close'
        end as decision,
        case
            when checked.band != 'promote_to_epic' or checked.missing_list = '' then ''
            else
                substring(checked.missing_list, 1, length(checked.missing_list) - 1)
        end as missing_fields,
        checked.owner_name as owner,
        checked.current_maturity,
        checked.target_maturity,
        cast(checked.exit_criteria as varchar) as exit_criteria,
        cast(checked.fix_classes as varchar) as fix_classes,
        cast(checked.reasons as varchar) as reasons,
        cast(checked.incident_ids as varchar) as incident_ids,
        cast(checked.postmortem_ids as varchar) as postmortem_ids,
        cast(checked.risk_ids as varchar) as risk_ids,
        checked.slo_chart_url,
        checked.project_key,
        checked.rubric_hash,

        -- numbers
        checked.score_rank,
        checked.score,
        checked.score_delta,
        checked.coverage,
        cast(checked.estimate_days as double precision) as estimate_days,
        cast(checked.day_rate_usd as double precision) as day_rate_usd,
        cast(checked.budget_usd as double precision) as budget_usd,
        checked.incident_count,

        -- timestamps
        checked.due_date,
        checked.newest_incident_at,
        checked.band_entered_on as promoted_at,
        checked.scoring_date
    from checked
)

select * from candidates
