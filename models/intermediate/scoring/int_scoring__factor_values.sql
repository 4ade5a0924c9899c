{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='scoring_date',
    on_schema_change='sync_all_columns',
    pre_hook="{{ add_text_column('day_checksum') }}",
    post_hook="""
        {%- if not should_full_refresh() %}
        delete from {{ this }}
        where scoring_date not in (
            select dates.scoring_date from {{ ref('int_scoring__dates') }} as dates
        )
        {%- endif %}
    """,
) }}
{#
    One row per scored day, service and factor: the raw value, in the unit of the rubric's
    thresholds, and the evidence. A value is null where nothing is known; that is not 0. Only days
    whose inputs changed since they were computed are computed again.
#}
with dates as (
    select day_inputs.*
    from {{ ref('int_scoring__day_inputs') }} as day_inputs
    where {{ is_not_stored('day_inputs', ['scoring_date', 'day_checksum']) }}
),

services as (
    select * from {{ ref('int_scoring__services') }}
),

{#- Each reader names the view itself: a warehouse may store a CTE that is read twice. -#}
{%- for name, condition in {
    'windowed': '1 = 1',
    'stated':
        'windows.slo_burn_rate is not null
        or windows.users_share is not null
        or windows.is_regulatory
        or windows.revenue_impact_usd is not null
        or windows.is_ai_code_without_tests is not null',
    'estimated': 'windows.estimate_days is not null',
}.items() %}
    {{ name }} as (
        select windows.*
        from {{ ref('int_scoring__windows') }} as windows
        inner join dates on windows.scoring_date = dates.scoring_date
        where {{ condition }}
    ),

{% endfor -%}

centrality as (
    select * from {{ ref('int_services__centrality') }}
),

daily_burn as (
    select * from {{ ref('int_slo__daily_burn') }}
),

-- Measured by monitoring. A day that is partly in the window counts, with the period that it ends.
burnt as (
    select
        dates.scoring_date,
        daily_burn.service_id,
        max(daily_burn.budget_spent) as budget_spent,
        max(daily_burn.burn_alert) as burn_alert
    from dates
    inner join daily_burn
        on
            dates.scoring_date >= daily_burn.measured_on
            and cast(dates.window_starts_at as date) <= daily_burn.measured_on
    group by dates.scoring_date, daily_burn.service_id
),

aggregated as (
    select
        windowed.scoring_date,
        windowed.service_id,
        count(*) as incident_count,
        max(windowed.triggered_at) as newest_incident_at,
        sum(case when windowed.is_repeat then 1 else 0 end) as repeats,
        count(windowed.is_repeat) as comparable_count,
        count(windowed.episode_seconds) as resolved_count,
        -- For a million incidents these are fifty million values: a short type keeps them in
        -- memory.
        {{ percentile(
            'case when windowed.episode_seconds > 2147483647 then 2147483647 '
            ~ 'else cast(windowed.episode_seconds as integer) end', 0.5
        ) }} / 60.0 as mttr
    from windowed
    group by windowed.scoring_date, windowed.service_id
),

-- Stated in postmortems, for few incidents.
reviewed as (
    select
        stated.scoring_date,
        stated.service_id,
        max(stated.users_share) as blast_radius,
        max(case when stated.is_regulatory then 1 else 0 end) as is_regulatory,
        {{ exact_sum('stated.revenue_impact_usd') }} as revenue_impact,
        sum(case when stated.is_ai_code_without_tests then 1 else 0 end) as ai_risk,
        count(stated.is_ai_code_without_tests) as ai_answer_count
    from stated
    group by stated.scoring_date, stated.service_id
),

stated_burns as (
    {{ stated_burn('stated', 'daily_burn') }}
),

-- The same fix is estimated again after every incident of its kind: the newest estimate counts.
-- Without a known kind each postmortem describes a separate fix.
estimates as (
    select
        estimated.scoring_date,
        estimated.service_id,
        estimated.estimate_days,
        row_number() over (
            partition by
                estimated.scoring_date,
                estimated.service_id,
                case
                    when estimated.failure_mode = 'unknown' then estimated.postmortem_id
                    else coalesce(estimated.failure_mode, estimated.postmortem_id)
                end
            order by estimated.triggered_at desc, estimated.incident_id
        ) as estimate_rank
    from estimated
),

effort as (
    select
        estimates.scoring_date,
        estimates.service_id,
        {{ exact_sum('estimates.estimate_days') }} as effort_days
    from estimates
    where estimates.estimate_rank = 1
    group by estimates.scoring_date, estimates.service_id
),

-- Every service on every day, with what is known of it.
measured as (
    select
        dates.scoring_date,
        dates.day_checksum,
        services.service_id,
        {{ greater_known('burnt.budget_spent', 'stated_burns.budget_spent') }} as slo_burn,
        {{ greater_known('burnt.burn_alert', 'stated_burns.burn_alert') }} as burn_alert,
        case
            when
                stated_burns.service_id is null
                or burnt.budget_spent >= stated_burns.budget_spent
                then ', measured'
            else ', stated'
        end as slo_burn_said_by,
        case
            when
                aggregated.comparable_count
                < {{ var('repeat_min_known_share') }} * aggregated.incident_count
                then null
            else coalesce(aggregated.repeats, 0)
        end as repeats,
        coalesce(aggregated.comparable_count, 0) as comparable_count,
        coalesce(aggregated.incident_count, 0) as incident_count,
        aggregated.newest_incident_at,
        aggregated.mttr,
        coalesce(aggregated.resolved_count, 0) as resolved_count,
        reviewed.blast_radius,
        coalesce(reviewed.is_regulatory, 0) as is_regulatory,
        reviewed.revenue_impact,
        case when reviewed.ai_answer_count > 0 then reviewed.ai_risk end as ai_risk,
        reviewed.ai_answer_count,
        effort.effort_days,
        centrality.dependency_centrality,
        centrality.transitive_dependents
    from dates
    cross join services
    left join aggregated
        on
            dates.scoring_date = aggregated.scoring_date
            and services.service_id = aggregated.service_id
    left join reviewed
        on
            dates.scoring_date = reviewed.scoring_date
            and services.service_id = reviewed.service_id
    left join burnt
        on
            dates.scoring_date = burnt.scoring_date
            and services.service_id = burnt.service_id
    left join stated_burns
        on
            dates.scoring_date = stated_burns.scoring_date
            and services.service_id = stated_burns.service_id
    left join effort
        on
            dates.scoring_date = effort.scoring_date
            and services.service_id = effort.service_id
    left join centrality on services.service_id = centrality.service_id
    where services.is_scored
),

{% set factors = scoring_factors() -%}

-- Read once: a warehouse may compute a CTE again for each branch of a union.
factor_names as (
    {%- for factor, value, level_raise, evidence in factors %}
        {{ 'union all' if not loop.first }}
        select '{{ factor }}' as factor
    {%- endfor %}
),

factor_values as (
    select
        measured.scoring_date,
        measured.day_checksum,
        measured.incident_count,
        measured.resolved_count,
        measured.newest_incident_at,
        measured.service_id,
        factor_names.factor,
        case factor_names.factor
            {%- for factor, value, level_raise, evidence in factors %}
                when '{{ factor }}' then cast(measured.{{ value }} as double precision)
            {%- endfor %}
        end as raw_value,
        case factor_names.factor
            {%- for factor, value, level_raise, evidence in factors %}
                when '{{ factor }}' then {{ level_raise }}
            {%- endfor %}
        end as level_raise,
        case factor_names.factor when 'slo_burn' then measured.burn_alert end as burn_alert,
        case factor_names.factor
            {%- for factor, value, level_raise, evidence in factors %}
                when '{{ factor }}' then {{ evidence }}
            {%- endfor %}
        end as evidence
    from measured
    cross join factor_names
)

select
    factor_values.scoring_date,
    factor_values.service_id,
    factor_values.factor,
    factor_values.raw_value,
    factor_values.level_raise,
    factor_values.burn_alert,
    case
        when
            factor_values.raw_value is null
            and factor_values.burn_alert is null
            and factor_values.level_raise = 0
            then 'no data'
        else factor_values.evidence
    end as evidence,
    -- For the day and service, over all of its factors.
    factor_values.incident_count,
    factor_values.resolved_count,
    factor_values.newest_incident_at,
    factor_values.day_checksum
from factor_values
