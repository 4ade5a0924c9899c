{#
    What a service cost to run in a month, and what a team lost to toil in a week. Lines of one file
    are added up. Where several files state the same month or week, the one that reaches furthest
    counts, since it was exported last, then the last by name: adding them would count twice.
#}
with costs as (
    select * from {{ ref('stg_finance__costs') }}
),

toil as (
    select * from {{ ref('stg_finance__toil') }}
),

teams as (
    select * from {{ ref('dim_teams') }}
),

aliases as (
    select distinct
        service_aliases.alias_value,
        service_aliases.service_id
    from {{ ref('int_services__aliases') }} as service_aliases
    where service_aliases.alias_kind = 'name'
),

stated as (
    select
        'infrastructure cost' as amount_kind,
        lower(trim(costs.service_name)) as stated_name,
        costs.provider_name,
        costs.file_name,
        costs.cost_usd as amount,
        costs.month_starts_on as period_starts_on,
        cast({{ dbt.dateadd('month', 1, 'costs.month_starts_on') }} as date) as period_ends_on,
        aliases.service_id as known_id
    from costs
    left join aliases on lower(trim(costs.service_name)) = aliases.alias_value
    union all
    select
        'toil' as amount_kind,
        lower(trim(toil.team_name)) as stated_name,
        '' as provider_name,
        toil.file_name,
        toil.toil_hours as amount,
        toil.week_starts_on as period_starts_on,
        cast({{ dbt.dateadd('day', 7, 'toil.week_starts_on') }} as date) as period_ends_on,
        teams.team_id as known_id
    from toil
    left join teams
        on lower(trim(toil.team_name)) in (lower(teams.team_name), lower(teams.team_id))
),

summed as (
    select
        stated.amount_kind,
        coalesce(stated.known_id, stated.stated_name) as unit_id,
        stated.provider_name,
        stated.file_name,
        stated.period_starts_on,
        stated.period_ends_on,
        min(stated.stated_name) as stated_name,
        max(stated.known_id) as known_id,
        {{ exact_sum('stated.amount') }} as amount
    from stated
    group by
        stated.amount_kind,
        coalesce(stated.known_id, stated.stated_name),
        stated.provider_name,
        stated.file_name,
        stated.period_starts_on,
        stated.period_ends_on
),

reaching as (
    select
        summed.*,
        max(summed.period_starts_on) over (
            partition by summed.amount_kind, summed.file_name
        ) as reaches_until
    from summed
),

ranked as (
    select
        reaching.*,
        row_number() over (
            partition by
                reaching.amount_kind,
                reaching.unit_id,
                reaching.provider_name,
                reaching.period_starts_on
            order by reaching.reaches_until desc, reaching.file_name desc
        ) as choice
    from reaching
),

amounts as (
    select
        -- ids
        ranked.amount_kind || ' ' || ranked.unit_id || ' '
        || cast(ranked.period_starts_on as varchar) as amount_id,
        ranked.unit_id,

        -- strings
        ranked.amount_kind,
        min(ranked.stated_name) as stated_name,

        -- numbers
        {{ exact_sum('ranked.amount') }} as amount,

        -- booleans
        max(ranked.known_id) is not null as is_known,

        -- timestamps
        ranked.period_starts_on,
        ranked.period_ends_on
    from ranked
    where ranked.choice = 1
    group by
        ranked.amount_kind, ranked.unit_id, ranked.period_starts_on, ranked.period_ends_on
)

select * from amounts
