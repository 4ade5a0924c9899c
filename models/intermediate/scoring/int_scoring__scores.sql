with factor_points as (
    select * from {{ ref('int_scoring__factor_points') }}
),

scores as (
    select
        factor_points.scoring_date,
        factor_points.service_id,
        factor_points.rubric_hash,
        cast(coalesce(sum(factor_points.points), 0) as integer) as score,
        -- In decimals: it breaks ties, and the noise of binary fractions would break them too.
        coalesce({{ exact_sum('factor_points.exact_points') }}, 0) as exact_score,
        -- The share of the rubric's weight that rests on data.
        case
            when sum(abs(factor_points.weight)) > 0
                then
                    {{ exact_sum(
                        'case when factor_points.has_data then abs(factor_points.weight) else 0 end'
                    ) }}
                    / {{ exact_sum('abs(factor_points.weight)') }}
            else 0
        end as coverage
    from factor_points
    group by factor_points.scoring_date, factor_points.service_id, factor_points.rubric_hash
)

select * from scores
