{#
    The days that are scored: `history_days` back from as_of, and before them as many as a band
    can be held by the margin, so that the first published day already knows its band.
#}
with settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

days as (
    select
        numbers.n as days_back,
        cast({{ dbt.dateadd('day', '-numbers.n', as_of()) }} as date) as scoring_date
    from {{ numbers(500) }} as numbers
    cross join settings
    where numbers.n < {{ var('history_days') }} + settings.hold_days
),

moments as (
    select
        days.scoring_date,
        days.days_back,
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
        moments.days_back < {{ var('history_days') }} as is_published,
        moments.scoring_at,
        {{ time_after('moments.scoring_at', '-settings.window_days', 'day') }}
            as window_starts_at
    from moments
    cross join settings
)

select * from windows
