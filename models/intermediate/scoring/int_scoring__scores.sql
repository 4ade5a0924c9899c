with factor_points as (
    select * from {{ ref('int_scoring__factor_points') }}
),

-- What a factor without data would give at its lowest and highest possible value.
unknown as (
    select
        factor_points.*,
        case when factor_points.has_data then 0 else factor_points.highest_points end
            as utmost_points,
        case when factor_points.has_data then 0 else coalesce(factor_points.points, 0) end
            as assumed_points
    from factor_points
),

scores as (
    select
        unknown.scoring_date,
        unknown.service_id,
        unknown.rubric_hash,
        cast(coalesce(sum(unknown.points), 0) as integer) as score,
        cast(
            coalesce(sum(unknown.points), 0)
            + sum(least(unknown.utmost_points, 0) - unknown.assumed_points)
            as integer
        ) as lowest_score,
        cast(
            coalesce(sum(unknown.points), 0)
            + sum(greatest(unknown.utmost_points, 0) - unknown.assumed_points)
            as integer
        ) as highest_score,
        -- In decimals: it breaks ties, and the noise of binary fractions would break them by
        -- chance.
        coalesce({{ exact_sum('unknown.exact_points') }}, 0) as exact_score,
        -- The share of the rubric's weight that rests on data.
        case
            when sum(abs(unknown.weight)) > 0
                then
                    {{ exact_sum(
                        'case when unknown.has_data then abs(unknown.weight) else 0 end'
                    ) }}
                    / {{ exact_sum('abs(unknown.weight)') }}
            else 0
        end as coverage
    from unknown
    group by unknown.scoring_date, unknown.service_id, unknown.rubric_hash
)

select * from scores
