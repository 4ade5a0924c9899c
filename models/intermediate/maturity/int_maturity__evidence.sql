{{ config(materialized=var('single_use')) }}

{#
    Every kind of evidence that the maturity levels require, searched for every service of the
    catalog. Without evidence a criterion is not shown, which is no failure; it is refuted where it
    is known not to hold: an annotation says no, a date is too old, untested code caused an
    incident.
#}
with services as (
    select * from {{ ref('int_services__catalogued') }}
),

rules as (
    select * from {{ ref('stg_modernization__maturity_evidence') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

annotations as (
    select * from {{ ref('int_maturity__annotations') }}
),

alerting as (
    select * from {{ ref('int_maturity__alerting') }}
),

objectives as (
    select * from {{ ref('int_slo__objectives') }}
),

incidents as (
    select * from {{ ref('int_incidents__counted') }}
),

required as (
    select
        services.service_id,
        rules.level_ordinal,
        rules.criterion_ordinal,
        rules.evidence_ordinal,
        rules.evidence_kind,
        rules.evidence_key,
        rules.within_days,
        coalesce(rules.within_days, settings.window_days) as window_days
    from services
    cross join rules
    cross join settings
),

-- An annotation or a tag.
stated as (
    select
        required.*,
        case
            when required.evidence_kind = 'tag' then annotations.stated_value
            else required.evidence_key || ': ' || substring(annotations.stated_value, 1, 200)
        end as finding,
        case
            when coalesce(annotations.stated_value, '') = '' then 'not shown'
            when required.evidence_kind = 'tag' then 'shown'
            when lower(annotations.stated_value) in ('false', 'no', 'none', 'off', '0')
                then 'refuted'
            when required.within_days is null then 'shown'
            -- A planned experiment was not carried out.
            when
                annotations.stated_on is null
                or annotations.stated_on > cast({{ as_of() }} as date)
                then 'not shown'
            when
                annotations.stated_on
                < cast({{ time_after(as_of(), '-required.within_days', 'day') }} as date)
                then 'refuted'
            else 'shown'
        end as evidence_state,
        case
            when coalesce(annotations.stated_value, '') = ''
                then required.evidence_kind || ' ' || required.evidence_key
            when lower(annotations.stated_value) in ('false', 'no', 'none', 'off', '0')
                then required.evidence_key || ' says ' || lower(annotations.stated_value)
            when annotations.stated_on is null
                then required.evidence_key || ' as a date (YYYY-MM-DD)'
            when annotations.stated_on > cast({{ as_of() }} as date)
                then required.evidence_key || ' lies ahead'
            else
                required.evidence_key || ' is older than ' || cast(required.within_days as varchar)
                || ' days'
        end as lack
    from required
    left join annotations
        on
            required.service_id = annotations.service_id
            and required.evidence_kind = annotations.evidence_kind
            and required.evidence_key = annotations.evidence_key
    where required.evidence_kind in ('annotation', 'tag')
),

-- Without a stated objective nothing is promises.
promises as (
    select
        objectives.service_id,
        'SLO ' || {{ text_list('objectives.slo_name', "', '", 'order by objectives.slo_name') }}
            as finding
    from objectives
    where objectives.objective is not null
    group by objectives.service_id
),

slo_states as (
    select
        required.*,
        promises.finding,
        case when promises.service_id is null then 'not shown' else 'shown' end as evidence_state,
        'an SLO with an objective' as lack
    from required
    left join promises on required.service_id = promises.service_id
    where required.evidence_kind = 'slo'
),

alerted as (
    select
        alerting.service_id,
        min(case when alerting.is_disabled then 1 else 0 end) = 1 as is_disabled,
        {{ text_list(
            'alerting.alerting_service', "', '", 'order by alerting.alerting_service'
        ) }} as finding
    from alerting
    group by alerting.service_id
),

alerting_states as (
    select
        required.*,
        alerted.finding,
        case
            when alerted.service_id is null then 'not shown'
            when alerted.is_disabled then 'refuted'
            else 'shown'
        end as evidence_state,
        case
            when alerted.is_disabled then alerted.finding || ' is disabled'
            else 'a service of PagerDuty or Opsgenie'
        end as lack
    from required
    left join alerted on required.service_id = alerted.service_id
    where required.evidence_kind = 'alerting'
),

traced as (
    select
        required.service_id,
        required.level_ordinal,
        required.criterion_ordinal,
        required.evidence_ordinal,
        count(incidents.incident_id) as incident_count,
        count(incidents.is_ai_code_without_tests) as answer_count,
        sum(case when incidents.is_ai_code_without_tests then 1 else 0 end) as untested_count
    from required
    left join incidents
        on
            required.service_id = incidents.service_id
            and {{ in_window('incidents.triggered_at', 'required.window_days') }}
    where required.evidence_kind = 'no_untested_ai_code'
    group by
        required.service_id,
        required.level_ordinal,
        required.criterion_ordinal,
        required.evidence_ordinal
),

ai_code_states as (
    select
        required.*,
        'incidents traced to AI-written code without tests in '
        || cast(required.window_days as varchar) || ' days: 0 of '
        || cast(traced.incident_count as varchar) as finding,
        case
            when traced.untested_count > 0 then 'refuted'
            -- Incidents without a stated origin prove nothing.
            when traced.incident_count > 0 and traced.answer_count = 0 then 'not shown'
            else 'shown'
        end as evidence_state,
        case
            when traced.untested_count > 0
                then
                    'incidents traced to AI-written code without tests: '
                    || cast(traced.untested_count as varchar)
            else 'a postmortem that says whether AI-written code without tests took part'
        end as lack
    from required
    inner join traced
        on
            required.service_id = traced.service_id
            and required.level_ordinal = traced.level_ordinal
            and required.criterion_ordinal = traced.criterion_ordinal
            and required.evidence_ordinal = traced.evidence_ordinal
),

unioned as (
    select * from stated
    union all
    select * from slo_states
    union all
    select * from alerting_states
    union all
    select * from ai_code_states
),

evidence as (
    select
        unioned.service_id || ' ' || cast(unioned.level_ordinal as varchar)
        || '.' || cast(unioned.criterion_ordinal as varchar)
        || '.' || cast(unioned.evidence_ordinal as varchar) as maturity_evidence_id,
        unioned.service_id,
        unioned.level_ordinal,
        unioned.criterion_ordinal,
        unioned.evidence_ordinal,
        unioned.evidence_kind,
        unioned.evidence_key,
        unioned.evidence_state,
        case when unioned.evidence_state = 'shown' then unioned.finding end as evidence_found,
        case when unioned.evidence_state != 'shown' then unioned.lack end as evidence_missing
    from unioned
)

select * from evidence
