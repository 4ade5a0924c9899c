{{ config(materialized=var('single_use')) }}

{#
    How long incidents of an epic's service took before and after: the ratio of the geometric means,
    because durations spread over orders of magnitude, with the 95 % interval of Welch's t test on
    their logarithms.
#}
with epics as (
    select *
    from {{ ref('int_outcomes__epics') }}
    where after_from is not null
),

incidents as (
    select
        service_id,
        triggered_at,
        -- Less than a second counts as one second.
        ln(cast(case when active_seconds < 1 then 1 else active_seconds end as double precision))
            as log_seconds
    from {{ ref('fct_incidents') }}
    where active_seconds is not null and not is_flap and triggered_at <= {{ as_of() }}
),

summed as (
    select
        epics.epic_id,
    {%- for half in ('before', 'after') %}
        {%- set seconds -%}
            case
                when
                    incidents.triggered_at >= epics.{{ half }}_from
                    and incidents.triggered_at < epics.{{ half }}_until
                    then incidents.log_seconds
            end
        {%- endset %}
        count({{ seconds }}) as {{ half }}_count,
        {{ exact_sum(seconds, 12) }} / nullif(count({{ seconds }}), 0) as {{ half }}_mean,
        {{ exact_variance(seconds) }} as {{ half }}_variance
        {{- ',' if not loop.last }}
    {%- endfor %}
    from epics
    inner join incidents on epics.service_id = incidents.service_id
    group by epics.epic_id
),

compared as (
    select
        summed.*,
        summed.after_mean - summed.before_mean as log_ratio,
        summed.before_variance / summed.before_count as before_share,
        summed.after_variance / summed.after_count as after_share
    from summed
    where summed.before_count > 0 and summed.after_count > 0
),

welch as (
    select
        compared.*,
        sqrt(compared.before_share + compared.after_share) as standard_error,
        case
            when
                compared.before_count >= 5
                and compared.after_count >= 5
                and compared.before_share + compared.after_share > 1e-9
                then
                    (compared.before_share + compared.after_share)
                    * (compared.before_share + compared.after_share)
                    / (
                        compared.before_share * compared.before_share
                        / (compared.before_count - 1)
                        + compared.after_share * compared.after_share
                        / (compared.after_count - 1)
                    )
        end as freedom
    from compared
),

quantiles as (
    select
        welch.*,
        welch.standard_error * {{ student_quantile('welch.freedom') }} as margin
    from welch
),

judged as (
    select
        quantiles.epic_id,
        quantiles.before_count,
        quantiles.after_count,
        exp(quantiles.before_mean) as before_seconds,
        exp(quantiles.after_mean) as after_seconds,
        exp(quantiles.log_ratio) as ratio,
        exp(quantiles.log_ratio - quantiles.margin) as ratio_low,
        exp(quantiles.log_ratio + quantiles.margin) as ratio_high,
        case
            when quantiles.before_count < 5 or quantiles.after_count < 5 then 'too few'
            when quantiles.log_ratio + quantiles.margin < 0 then 'improved'
            when quantiles.log_ratio - quantiles.margin > 0 then 'worse'
            else 'inconclusive'
        end as verdict
    from quantiles
)

select * from judged
