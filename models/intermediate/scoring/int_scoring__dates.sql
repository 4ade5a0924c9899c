{#
    The days that are scored: those from history_from to history_to, by default the last
    history_days up to as_of; and before them the days that decide bands, deltas and how long a
    band has been held, so that a day gets the same result in whatever range it is scored.
#}
{%- set longest = 4000 -%}
{%- set lead_days = var('band_memory_days') + 8 -%}

with settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

bounds as (
    select
        cast({{ as_of() }} as date) as today,
        {% if var('history_from') -%}
            cast('{{ var("history_from") }}' as date)
        {%- else -%}
            cast({{ dbt.dateadd('day', 1 - var('history_days'), as_of()) }} as date)
        {%- endif %} as first_published,
        {% if var('history_to') -%}
            cast('{{ var("history_to") }}' as date)
        {%- else -%}
            cast({{ as_of() }} as date)
        {%- endif %} as last_published
),

days as (
    select
        numbers.n as days_back,
        bounds.first_published,
        cast({{ dbt.dateadd('day', '-numbers.n', 'bounds.today') }} as date) as scoring_date
    from {{ numbers(longest) }} as numbers
    cross join bounds
    cross join settings
    where
        numbers.n >= {{ dbt.datediff('bounds.last_published', 'bounds.today', 'day') }}
        and numbers.n <= {{ dbt.datediff('bounds.first_published', 'bounds.today', 'day') }}
        + settings.hold_days + {{ lead_days }}
),

moments as (
    select
        days.scoring_date,
        days.days_back,
        days.scoring_date >= days.first_published as is_published,
        case
            when days.days_back = 0 then {{ as_of() }}
            else {{ time_after('cast(days.scoring_date as timestamp)', 86400, 'second') }}
        end as scoring_at
    from days
),

windows as (
    select
        moments.scoring_date,
        moments.days_back,
        moments.is_published,
        moments.scoring_at,
        {{ time_after('moments.scoring_at', '-settings.window_days', 'day') }}
            as window_starts_at
    from moments
    cross join settings
)

select * from windows
