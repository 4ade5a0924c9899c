{# Services that rose or fell in maturity; the day that one was first seen is no move. #}
with changes as (
    select * from {{ ref('fct_service_maturity_history') }}
),

ordered as (
    select
        changes.*,
        lag(changes.level_ordinal) over (
            partition by changes.service_id
            order by changes.changed_on
        ) as previous_ordinal
    from changes
    where changes.changed_on <= cast({{ as_of() }} as date)
),

moves as (
    select
        -- ids
        ordered.service_id,
        ordered.team_id,

        -- strings
        ordered.service_name,
        ordered.owner,
        cast(
            case when ordered.level_ordinal > ordered.previous_ordinal then 'rose' else 'fell' end
            as varchar
        ) as direction,
        ordered.previous_level,
        ordered.maturity_level,

        -- timestamps
        cast({{ dbt.date_trunc('quarter', 'ordered.changed_on') }} as date)
            as quarter_starts_on,
        ordered.changed_on
    from ordered
    where
        ordered.previous_ordinal is not null
        and ordered.level_ordinal != ordered.previous_ordinal
)

select * from moves
