{#
    Whether the rubric, 90 days ago, ranked high what hurt afterwards: its ranking of that day, and
    those of int_scoring__rubric_variants, against the episodes since, the error budget that
    incidents spent, and what they cost.

    The correlation is Spearman's, ties by their mean rank, with the interval of Bonett and Wright
    (2000). Whether a ranking is better than counting incidents is Meng, Rosenthal and Rubin's test of
    two dependent correlations (1992); because so many rankings are tried, it needs three deviations.
#}
{%- set outcomes = {'incidents': 'episode_count', 'burn': 'budget_spent', 'dollars': 'cost_usd'} -%}

with variants as (
    select * from {{ ref('int_scoring__rubric_variants') }}
),

incidents as (
    select *
    from {{ ref('fct_incidents') }}
    where not is_flap and triggered_at <= {{ as_of() }}
),

burns as (
    select
        burn_rows.incident_id,
        max(burn_rows.budget_spent) as budget_spent
    from {{ ref('fct_incident_burn') }} as burn_rows
    group by burn_rows.incident_id
),

costs as (
    select * from {{ ref('fct_incident_costs') }}
),

history as (
    select min(incidents.triggered_at) as first_incident_at
    from incidents
),

-- For a service whose incidents state no burn or cost the outcome is unknown, not 0.
harm as (
    select
        variants.service_id,
        count(incidents.incident_id) as episode_count,
        case
            when count(incidents.incident_id) = 0 then 0
            when count(burns.budget_spent) > 0 then {{ exact_sum('burns.budget_spent') }}
        end as budget_spent,
        case
            when count(incidents.incident_id) = 0 then 0
            when count(costs.cost_usd) > 0 then {{ exact_sum('costs.cost_usd') }}
        end as cost_usd
    from variants
    left join incidents
        on
            variants.service_id = incidents.service_id
            and variants.scoring_at <= incidents.triggered_at
    left join burns on incidents.incident_id = burns.incident_id
    left join costs on incidents.incident_id = costs.incident_id
    where variants.scenario = 'incidents counted'
    group by variants.service_id
),

outcomes as (
    {%- for outcome, column in outcomes.items() %}
        {{- '\n    union all' if not loop.first }}
        select
            harm.service_id,
            '{{ outcome }}' as outcome,
            cast(harm.{{ column }} as double precision) as amount
        from harm
        where harm.{{ column }} is not null
    {%- endfor %}
),

-- Ranks among those whose outcome is known.
ranked as (
    select
        variants.scenario,
        outcomes.outcome,
        outcomes.service_id,
        outcomes.amount,
        rank() over (
            partition by variants.scenario, outcomes.outcome order by variants.place
        ) as place,
        count(*) over (
            partition by variants.scenario, outcomes.outcome, variants.place
        ) as place_count,
        rank() over (
            partition by variants.scenario, outcomes.outcome order by outcomes.amount desc
        ) as amount_place
    from variants
    inner join outcomes on variants.service_id = outcomes.service_id
),

-- Ties share their places, and so their part of the first five.
averaged as (
    select
        ranked.*,
        ranked.place + (ranked.place_count - 1) / 2.0 as mean_rank,
        ranked.amount_place + (
            count(*) over (
                partition by ranked.scenario, ranked.outcome, ranked.amount_place
            ) - 1
        ) / 2.0 as amount_rank,
        greatest(least((6 - ranked.place) / cast(ranked.place_count as double precision), 1), 0)
            as top_part
    from ranked
),

paired as (
    select
        averaged.*,
        baseline.mean_rank as baseline_rank
    from averaged
    inner join averaged as baseline
        on
            averaged.outcome = baseline.outcome
            and averaged.service_id = baseline.service_id
            and baseline.scenario = 'incidents counted'
),

summed as (
    select
        paired.scenario,
        paired.outcome,
        count(*) as service_count,
        (count(*) + 1) / 2.0 as middle,
        {{ exact_sum('paired.amount') }} as outcome_total,
        {{ exact_sum('paired.amount * paired.top_part') }} as top_total,
        {%- for name, one, other in [
            ('rank_square', 'mean_rank', 'mean_rank'),
            ('amount_square', 'amount_rank', 'amount_rank'),
            ('baseline_square', 'baseline_rank', 'baseline_rank'),
            ('rank_amount', 'mean_rank', 'amount_rank'),
            ('baseline_amount', 'baseline_rank', 'amount_rank'),
            ('rank_baseline', 'mean_rank', 'baseline_rank'),
        ] %}
        {{ exact_sum('paired.' ~ one ~ ' * paired.' ~ other) }} as {{ name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from paired
    group by paired.scenario, paired.outcome
),

correlated as (
    select
        summed.*,
        {%- for name, product, one, other in [
            ('correlation', 'rank_amount', 'rank_square', 'amount_square'),
            ('baseline_correlation', 'baseline_amount', 'baseline_square', 'amount_square'),
            ('likeness', 'rank_baseline', 'rank_square', 'baseline_square'),
        ] %}
        {%- set offset = 'summed.service_count * summed.middle * summed.middle' %}
        (summed.{{ product }} - {{ offset }})
        / nullif(
            sqrt(
                greatest(summed.{{ one }} - {{ offset }}, 0)
                * greatest(summed.{{ other }} - {{ offset }}, 0)
            ), 0
        ) as {{ name }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from summed
),

-- Fisher's z; a perfect correlation would be infinite.
transformed as (
    select
        correlated.*,
        {%- for name in ['correlation', 'baseline_correlation'] %}
            0.5 * ln(
                (1 + greatest(least(correlated.{{ name }}, 0.999999), -0.999999))
                / (1 - greatest(least(correlated.{{ name }}, 0.999999), -0.999999))
            ) as {{ name }}_z,
        {%- endfor %}
        (
            correlated.correlation * correlated.correlation
            + correlated.baseline_correlation * correlated.baseline_correlation
        ) / 2 as mean_square
    from correlated
),

compared as (
    select
        transformed.*,
        case
            when transformed.service_count > 3
                then
                    1.959964 * sqrt(
                        (1 + transformed.correlation * transformed.correlation / 2)
                        / (transformed.service_count - 3)
                    )
        end as margin_z,
        least(
            (1 - transformed.likeness) / nullif(2 * (1 - transformed.mean_square), 0), 1
        ) as likeness_part
    from transformed
),

tested as (
    select
        compared.*,
        case
            when compared.service_count >= 10 and compared.likeness < 0.999999
                then
                    (compared.correlation_z - compared.baseline_correlation_z) * sqrt(
                        (compared.service_count - 3) / (
                            2 * (1 - compared.likeness)
                            * (1 - compared.likeness_part * compared.mean_square)
                            / (1 - compared.mean_square)
                        )
                    )
        end as difference_z
    from compared
),

named as (
    select distinct
        variants.scenario,
        variants.changed,
        variants.changed_factor,
        variants.scoring_date,
        variants.scoring_at
    from variants
),

backtest as (
    select
        -- ids
        cast(tested.scenario || ' / ' || tested.outcome as varchar) as backtest_id,

        -- strings
        cast(tested.scenario as varchar) as scenario,
        cast(coalesce(named.changed, 'no rubric') as varchar) as changed,
        cast(named.changed_factor as varchar) as changed_factor,
        cast(tested.outcome as varchar) as outcome,
        cast(
            case
                when tested.scenario = 'incidents counted' then 'baseline'
                when
                    tested.service_count < 10
                    or history.first_incident_at > {{ time_after('named.scoring_at', -28, 'day') }}
                    then 'too early'
                when tested.correlation is null or tested.baseline_correlation is null
                    then 'no data'
                when tested.difference_z >= 3 then 'better'
                when tested.difference_z <= -3 then 'worse'
                else 'no difference shown'
            end as varchar
        ) as verdict,

        -- numbers
        cast(tested.service_count as bigint) as service_count,
        cast(tested.outcome_total as double precision) as outcome_total,
        cast(tested.correlation as double precision) as rank_correlation,
        cast(
            1 - 2 / (exp(2 * (tested.correlation_z - tested.margin_z)) + 1) as double precision
        ) as correlation_low,
        cast(
            1 - 2 / (exp(2 * (tested.correlation_z + tested.margin_z)) + 1) as double precision
        ) as correlation_high,
        cast(tested.top_total / nullif(tested.outcome_total, 0) as double precision) as top_share,
        cast(
            case
                when tested.service_count > 5
                    then
                        tested.top_total / nullif(tested.outcome_total, 0)
                        * tested.service_count / 5
            end as double precision
        ) as lift,
        cast(tested.baseline_correlation as double precision) as baseline_correlation,
        cast(tested.difference_z as double precision) as difference_z,

        -- timestamps
        named.scoring_date,
        named.scoring_at as outcome_from
    from tested
    inner join named on tested.scenario = named.scenario
    cross join history
)

select * from backtest
