{#
    The rubric that the newest scores were computed with, as one table, so that a reader of scores
    needs no file: every factor with its weight and thresholds, every level, band and setting.
#}
with factors as (
    select * from {{ ref('stg_modernization__scoring_factors') }}
),

levels as (
    select * from {{ ref('stg_modernization__scoring_levels') }}
),

bands as (
    select * from {{ ref('stg_modernization__scoring_bands') }}
),

settings as (
    select * from {{ ref('stg_modernization__scoring') }}
),

parts as (
    select
        factors.rubric_hash,
        'factor' as part_kind,
        factors.factor as part_name,
        cast(factors.weight as double precision) as part_value,
        cast(factors.low_threshold as double precision) as low_threshold,
        cast(factors.medium_threshold as double precision) as medium_threshold,
        cast(factors.high_threshold as double precision) as high_threshold,
        cast(null as integer) as part_ordinal,
        cast(null as integer) as due_in_days
    from factors
    union all
    select
        levels.rubric_hash,
        'level' as part_kind,
        levels.level as part_name,
        cast(levels.share as double precision) as part_value,
        cast(null as double precision) as low_threshold,
        cast(null as double precision) as medium_threshold,
        cast(null as double precision) as high_threshold,
        cast(levels.level_ordinal as integer) as part_ordinal,
        cast(null as integer) as due_in_days
    from levels
    union all
    select
        bands.rubric_hash,
        'band' as part_kind,
        bands.band as part_name,
        cast(bands.min_score as double precision) as part_value,
        cast(null as double precision) as low_threshold,
        cast(null as double precision) as medium_threshold,
        cast(null as double precision) as high_threshold,
        cast(bands.band_ordinal as integer) as part_ordinal,
        cast(bands.due_in_days as integer) as due_in_days
    from bands
    {%- for setting in ['window_days', 'repeat_window_days', 'leave_margin', 'hold_days'] %}
        union all
        select
            settings.rubric_hash,
            'setting' as part_kind,
            '{{ setting }}' as part_name,
            cast(settings.{{ setting }} as double precision) as part_value,
            cast(null as double precision) as low_threshold,
            cast(null as double precision) as medium_threshold,
            cast(null as double precision) as high_threshold,
            cast(null as integer) as part_ordinal,
            cast(null as integer) as due_in_days
        from settings
    {%- endfor %}
    {%- for alert in ['page', 'ticket'] %}
        union all
        select
            factors.rubric_hash,
            'setting' as part_kind,
            '{{ alert }}_alert_level' as part_name,
            cast(factors.{{ alert }}_ordinal as double precision) as part_value,
            cast(null as double precision) as low_threshold,
            cast(null as double precision) as medium_threshold,
            cast(null as double precision) as high_threshold,
            cast(null as integer) as part_ordinal,
            cast(null as integer) as due_in_days
        from factors
        where factors.factor = 'slo_burn'
    {%- endfor %}
    union all
    select
        settings.rubric_hash,
        'setting' as part_kind,
        'promote_min_coverage' as part_name,
        cast({{ var('promote_min_coverage') }} as double precision) as part_value,
        cast(null as double precision) as low_threshold,
        cast(null as double precision) as medium_threshold,
        cast(null as double precision) as high_threshold,
        cast(null as integer) as part_ordinal,
        cast(null as integer) as due_in_days
    from settings
),

published as (
    select
        -- ids
        cast(parts.part_kind || ' ' || parts.part_name as varchar) as rubric_part_id,

        -- strings
        parts.rubric_hash,
        cast(parts.part_kind as varchar) as part_kind,
        cast(parts.part_name as varchar) as part_name,

        -- numbers
        parts.part_value,
        parts.low_threshold,
        parts.medium_threshold,
        parts.high_threshold,
        parts.part_ordinal,
        parts.due_in_days
    from parts
)

select * from published
