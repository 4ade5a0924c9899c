{{ config(materialized=var('single_use')) }}

with members as (
    select * from {{ ref('int_promotion__members') }}
),

factors as (
    select
        factor_history.*,
        {{ number_text('factor_history.weight', 0) }} as weight_text
    from {{ ref('int_scoring__factor_history') }} as factor_history
),

reasons as (
    select
        members.service_id,
        {{ text_list(
            "case
                when factors.has_data then
                    factors.factor || ': ' || cast(factors.points as varchar)
                    || ' of ' || factors.weight_text || ' points, '
                    || factors.evidence
                else
                    factors.factor || ': no data for its '
                    || factors.weight_text || ' points'
            end",
            "'\n'",
            "order by
                case when factors.has_data then 0 else 1 end,
                abs(coalesce(factors.points, 0)) desc,
                abs(factors.weight) desc,
                factors.factor"
        ) }} as reasons
    from members
    inner join factors on members.score_id = factors.score_id
    where members.fix_id is null
    group by members.service_id
)

select * from reasons
