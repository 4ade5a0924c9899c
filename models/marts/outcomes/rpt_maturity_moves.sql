{#
    Services that rose or fell in maturity, and by which criteria: those met now but not when the
    level last changed, and the reverse. The day on which a service was first seen is no move.
#}
with changes as (
    select * from {{ ref('fct_service_maturity_history') }}
),

criteria as (
    select
        criteria.*,
        '|' || criteria.criterion || '|' as listed_as
    from {{ ref('stg_modernization__maturity_criteria') }} as criteria
),

ordered as (
    select
        changes.*,
        lag(changes.level_ordinal) over (
            partition by changes.service_id
            order by changes.changed_on
        ) as previous_ordinal,
        lag(changes.met_criteria) over (
            partition by changes.service_id
            order by changes.changed_on
        ) as previous_criteria
    from changes
    where changes.changed_on <= cast({{ as_of() }} as date)
),

moved as (
    select ordered.*
    from ordered
    where
        ordered.previous_ordinal is not null
        and ordered.level_ordinal != ordered.previous_ordinal
),

compared as (
    select
        moved.service_id,
        moved.changed_on,
        criteria.criterion,
        criteria.level_ordinal,
        criteria.criterion_ordinal,
        {{ dbt.position('criteria.listed_as', 'moved.met_criteria') }} > 0 as is_met,
        {{ dbt.position('criteria.listed_as', 'moved.previous_criteria') }} > 0 as was_met
    from moved
    cross join criteria
    where moved.met_criteria is not null and moved.previous_criteria is not null
),

named as (
    select
        compared.service_id,
        compared.changed_on,
        {%- for column, condition in {
            'gained_criteria': 'compared.is_met and not compared.was_met',
            'lost_criteria': 'compared.was_met and not compared.is_met',
        }.items() %}
            {{ text_list(
                'case when ' ~ condition ~ ' then compared.criterion end',
                "'; '",
                'order by compared.level_ordinal, compared.criterion_ordinal'
            ) }} as {{ column }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from compared
    group by compared.service_id, compared.changed_on
),

moves as (
    select
        -- ids
        moved.service_id,
        moved.team_id,

        -- strings
        moved.service_name,
        moved.owner,
        cast(
            case when moved.level_ordinal > moved.previous_ordinal then 'rose' else 'fell' end
            as varchar
        ) as direction,
        moved.previous_level,
        moved.maturity_level,
        cast(named.gained_criteria as varchar) as gained_criteria,
        cast(named.lost_criteria as varchar) as lost_criteria,

        -- timestamps
        cast({{ dbt.date_trunc('quarter', 'moved.changed_on') }} as date)
            as quarter_starts_on,
        moved.changed_on
    from moved
    left join named
        on moved.service_id = named.service_id and moved.changed_on = named.changed_on
)

select * from moves
