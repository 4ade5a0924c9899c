{%- set folder = var('postmortems_url') | replace("'", "''") -%}

with postmortems as (
    select * from {{ ref('stg_postmortems__postmortems') }}
),

statuses as (
    select * from {{ ref('postmortem_statuses') }}
),

aliases as (
    select * from {{ ref('int_services__aliases') }}
),

regulations as (
    select
        regulated.postmortem_id,
        {{ text_list('regulated.regulation', "', '", 'order by regulated.regulation') }}
            as regulations
    from {{ ref('stg_postmortems__postmortem_regulations') }} as regulated
    group by regulated.postmortem_id
),

slos as (
    select
        broken.postmortem_id,
        min(broken.chart_url) as slo_chart_url
    from {{ ref('stg_postmortems__postmortem_slos') }} as broken
    group by broken.postmortem_id
),

action_items as (
    select
        items.postmortem_id,
        count(*) as action_item_count,
        sum(case when items.ticket_ref is not null then 1 else 0 end)
            as ticketed_action_item_count
    from {{ ref('stg_postmortems__postmortem_action_items') }} as items
    group by items.postmortem_id
),

untested_commits as (
    select * from {{ ref('int_commits__postmortems') }}
),

-- Of two files with one name in two folders, the last by path counts.
ranked as (
    select
        postmortems.*,
        row_number() over (
            partition by postmortems.postmortem_id
            order by postmortems.file_name desc
        ) as file_rank
    from postmortems
    where
        postmortems.completed_at is null
        or postmortems.completed_at <= {{ as_of() }}
),

enriched as (
    select
        -- ids
        ranked.postmortem_id,
        aliases.service_id as causal_service_id,
        ranked.decision_epic_ref,

        -- strings
        ranked.template_name,
        ranked.postmortem_title,
        ranked.file_name,
        ranked.causal_service_name,
        ranked.failure_mode,
        ranked.required_window,
        ranked.owner_name,
        ranked.decision_action,
        ranked.target_maturity,
        regulations.regulations,
        slos.slo_chart_url,
        -- Empty where the folder in which people read them is not configured.
        cast(
            {{ "'" ~ folder ~ "' || ranked.file_name" if folder else 'null' }} as varchar
        ) as postmortem_url,

        -- numbers
        ranked.max_burn_rate,
        ranked.users_share,
        ranked.revenue_usd,
        ranked.estimate_days,
        coalesce(action_items.action_item_count, 0) as action_item_count,
        coalesce(action_items.ticketed_action_item_count, 0) as ticketed_action_item_count,

        -- booleans
        -- The review's own statement counts; without one, the commits that it names may say so.
        coalesce(
            ranked.is_ai_code_without_tests,
            case when untested_commits.postmortem_id is not null then true end
        ) as is_ai_code_without_tests,
        regulations.regulations is not null as is_regulatory,
        ranked.completed_at is not null or coalesce(statuses.is_complete, false) as is_complete,

        -- timestamps
        ranked.impact_started_at,
        ranked.review_on,
        ranked.completed_at
    from ranked
    left join aliases
        on
            aliases.alias_kind = 'name'
            and lower(trim(ranked.causal_service_name)) = aliases.alias_value
    left join statuses on ranked.status_word = statuses.status_word
    left join regulations on ranked.postmortem_id = regulations.postmortem_id
    left join slos on ranked.postmortem_id = slos.postmortem_id
    left join untested_commits on ranked.postmortem_id = untested_commits.postmortem_id
    left join action_items on ranked.postmortem_id = action_items.postmortem_id
    where ranked.file_rank = 1
)

select * from enriched
