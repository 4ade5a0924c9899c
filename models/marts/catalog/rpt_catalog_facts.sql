{%- set report_url = var('report_url') | replace("'", "''") -%}
{#
    What a developer portal shows: for each service of the catalog, and over the services of each
    system and team. A service is a group of one, so all three are counted alike.
#}
with services as (
    select * from {{ ref('int_services__catalogued') }}
),

entities as (
    select * from {{ ref('int_services__entities') }}
),

files as (
    select distinct
        documents.entity_ref,
        documents.file_name
    from {{ ref('stg_backstage__entities') }} as documents
),

dimensions as (
    select * from {{ ref('dim_services') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

scores as (
    select *
    from {{ ref('fct_service_scores') }}
    where is_latest
),

maturity as (
    select * from {{ ref('fct_service_maturity') }}
),

levels as (
    select distinct
        criteria.level_ordinal,
        criteria.maturity_level
    from {{ ref('stg_modernization__maturity_criteria') }} as criteria
),

candidates as (
    select * from {{ ref('rpt_promotion_candidates') }}
),

epics as (
    select *
    from {{ ref('fct_epics') }}
    where is_open
),

tracker as (
    select * from {{ ref('stg_modernization__tracker') }}
),

members as (
    select
        services.service_id as entity_ref,
        'component' as entity_kind,
        services.service_id
    from services
    where services.catalog_source = 'backstage'
    union all
    select
        services.system_id as entity_ref,
        'system' as entity_kind,
        services.service_id
    from services
    where services.system_id is not null
    union all
    select
        services.team_id as entity_ref,
        'group' as entity_kind,
        services.service_id
    from services
    where services.team_id is not null
),

-- The service with the highest score speaks for its system and its team.
ranked as (
    select
        members.entity_ref,
        members.entity_kind,
        members.service_id,
        scores.score,
        scores.lowest_score,
        scores.highest_score,
        scores.score_rank,
        scores.band,
        scores.scoring_date,
        scores.incident_count,
        coalesce(maturity.level_ordinal, 0) as level_ordinal,
        row_number() over (
            partition by members.entity_ref
            order by
                case when scores.score is null then 1 else 0 end,
                scores.score_rank,
                members.service_id
        ) as place
    from members
    left join scores on members.service_id = scores.service_id
    left join maturity on members.service_id = maturity.service_id
),

counted as (
    select
        ranked.entity_ref,
        count(*) as service_count,
        count(ranked.score) as scored_service_count,
        sum(case when ranked.band = 'promote_to_epic' then 1 else 0 end)
            as promoted_service_count,
        sum(coalesce(ranked.incident_count, 0)) as incident_count,
        min(ranked.level_ordinal) as level_ordinal
    from ranked
    group by ranked.entity_ref
),

open_epics as (
    select
        members.entity_ref,
        count(*) as open_epic_count,
        sum(case when epics.is_overdue then 1 else 0 end) as overdue_epic_count,
        {{ text_list(
            'coalesce(epics.item_ref, epics.epic_key)',
            "', '",
            'order by coalesce(epics.item_ref, epics.epic_key)'
        ) }} as open_epic_keys
    from members
    inner join epics on members.service_id = epics.service_id
    group by members.entity_ref
),

placed as (
    select
        files.entity_ref,
        {{ text_list('files.file_name', "'\n'", 'order by files.file_name') }} as catalog_files
    from files
    group by files.entity_ref
),

facts as (
    select
        -- ids
        cast(ranked.entity_ref as varchar) as entity_ref,
        case when ranked.entity_kind = 'component' then ranked.service_id end as service_id,
        case ranked.entity_kind
            when 'component' then dimensions.team_id
            when 'group' then ranked.entity_ref
        end as team_id,

        -- strings
        cast(ranked.entity_kind as varchar) as entity_kind,
        cast(
            coalesce(
                entities.entity_name,
                {{ dbt.split_part('ranked.entity_ref', "'/'", 2) }}
            ) as varchar
        ) as entity_name,
        cast(
            coalesce(
                entities.entity_title,
                {{ dbt.split_part('ranked.entity_ref', "'/'", 2) }}
            ) as varchar
        ) as entity_title,
        case when ranked.entity_kind = 'component' then dimensions.service_name end
            as service_name,
        cast(
            case ranked.entity_kind
                when 'component' then dimensions.owner
                when 'group' then teams.team_name
            end as varchar
        ) as owner,
        cast(placed.catalog_files as varchar) as catalog_files,
        case
            when ranked.entity_kind = 'component'
                then coalesce(dimensions.jira_project_key, tracker.jira_project_key)
        end as jira_project_key,
        case
            when ranked.entity_kind = 'component'
                then coalesce(candidates.slo_chart_url, dimensions.dashboard_url)
        end as chart_url,
        cast(nullif('{{ report_url }}', '') as varchar) as report_url,
        case when ranked.score is not null then dimensions.service_name end
            as lead_service_name,
        ranked.band,
        levels.maturity_level,
        cast(open_epics.open_epic_keys as varchar) as open_epic_keys,

        -- numbers
        ranked.score,
        ranked.lowest_score,
        ranked.highest_score,
        ranked.score_rank,
        cast(counted.service_count as bigint) as service_count,
        cast(counted.scored_service_count as bigint) as scored_service_count,
        cast(counted.promoted_service_count as bigint) as promoted_service_count,
        cast(counted.incident_count as bigint) as incident_count,
        cast(coalesce(open_epics.open_epic_count, 0) as bigint) as open_epic_count,
        cast(coalesce(open_epics.overdue_epic_count, 0) as bigint) as overdue_epic_count,

        -- timestamps
        ranked.scoring_date
    from ranked
    inner join counted on ranked.entity_ref = counted.entity_ref
    left join entities on ranked.entity_ref = entities.entity_ref
    left join dimensions on ranked.service_id = dimensions.service_id
    left join teams on ranked.entity_ref = teams.team_id
    left join levels on counted.level_ordinal = levels.level_ordinal
    left join candidates on ranked.service_id = candidates.service_id
    left join open_epics on ranked.entity_ref = open_epics.entity_ref
    left join placed on ranked.entity_ref = placed.entity_ref
    left join tracker on true
    where ranked.place = 1
)

select * from facts
