{#
    When an epic is due: `days` after its service entered the band, so that the date doesn't move
    while the service waits. Once more than half of that time has passed, whole periods of `days`
    are added until at least half a period is left: nobody can deliver in the past or next Monday.
    Where the day of entry is too long ago to be known, the period starts with the quarter.
#}
{% macro due_date(entered_on, today, days) -%}
    {%- set started_on -%}
        coalesce({{ entered_on }}, cast({{ dbt.date_trunc('quarter', today) }} as date))
    {%- endset -%}
    {%- set periods -%}
        cast(
            floor(
                (2.0 * {{ dbt.datediff(started_on, today, 'day') }} + 3.0 * {{ days }} - 1)
                / (2.0 * {{ days }})
            ) as integer
        )
    {%- endset -%}
    cast({{ dbt.dateadd('day', periods ~ ' * ' ~ days, started_on) }} as date)
{%- endmacro %}
