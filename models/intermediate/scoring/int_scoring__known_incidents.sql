{#
    One row per counted incident and interval in which the same was known of it: what a postmortem
    says from its completion on, and whether it repeats an earlier incident. Nearly every incident
    is one row; only those that late knowledge changes are split into several.
#}
{%- set forever = "cast('9999-12-31' as timestamp)" -%}

with counted as (
    select * from {{ ref('int_incidents__counted') }}
),

reviews as (
    select * from {{ ref('int_incidents__reviews') }}
),

episodes as (
    select * from {{ ref('int_incidents__episodes') }}
),

spells as (
    select * from {{ ref('int_incidents__repeat_spells') }}
),

repeats as (
    select
        spells.incident_id,
        max(case when spells.known_from is null and spells.known_until is null then 1 else 0 end)
            as is_always_repeat
    from spells
    group by spells.incident_id
),

-- An episode is counted at its first incident, lasts as long as all of them together, and is over
-- with the last.
episode_times as (
    select
        episodes.episode_id,
        case when count(*) = count(counted.active_seconds) then sum(counted.active_seconds) end
            as episode_seconds,
        case when count(*) = count(counted.resolved_at) then max(counted.resolved_at) end
            as episode_resolved_at
    from episodes
    inner join counted on episodes.incident_id = counted.incident_id
    group by episodes.episode_id
),

stretches as (
    select
        counted.incident_id,
        counted.triggered_at,
        counted.resolved_at,
        counted.active_seconds,
        episode_times.episode_resolved_at,
        cast(episode_times.episode_seconds as bigint) as episode_seconds,
        reviews.service_id,
        reviews.postmortem_id,
        reviews.failure_mode,
        reviews.slo_burn_rate,
        reviews.revenue_impact_usd,
        reviews.users_share,
        reviews.estimate_days,
        reviews.regulations is not null as is_regulatory,
        reviews.is_ai_code_without_tests,
        -- Where nothing says what failed, a repeat can't be recognized. A flap is none.
        episodes.is_flap
        or counted.alert_key is not null
        or counted.failure_key is not null
        or counted.title_key is not null
        or coalesce(reviews.failure_mode, 'unknown') != 'unknown' as is_comparable,
        repeats.is_always_repeat,
        case
            when reviews.known_from > counted.triggered_at then reviews.known_from
            else counted.triggered_at
        end as known_from,
        coalesce(reviews.known_until, {{ forever }}) as known_until
    from counted
    inner join reviews on counted.incident_id = reviews.incident_id
    inner join episodes on counted.incident_id = episodes.incident_id
    left join repeats on counted.incident_id = repeats.incident_id
    -- Null for a flap: no episode is named after one.
    left join episode_times on counted.incident_id = episode_times.episode_id
),

-- Whether these are repeats depends on the day.
late as (
    select *
    from stretches
    where is_always_repeat = 0
),

cuts as (
    select
        late.incident_id,
        late.known_from as stretch_from,
        late.known_from as cut_at
    from late
    {%- for side in ['known_from', 'known_until'] %}
        union distinct
        select
            late.incident_id,
            late.known_from as stretch_from,
            spells.{{ side }} as cut_at
        from late
        inner join spells on late.incident_id = spells.incident_id
        where
            late.known_from < spells.{{ side }}
            and late.known_until > spells.{{ side }}
    {%- endfor %}
),

pieces as (
    select
        cuts.*,
        lead(cuts.cut_at) over (
            partition by cuts.incident_id, cuts.stretch_from order by cuts.cut_at
        ) as next_cut_at
    from cuts
),

repeated_pieces as (
    select distinct
        pieces.incident_id,
        pieces.cut_at
    from pieces
    inner join spells on pieces.incident_id = spells.incident_id
    where
        (spells.known_from is null or pieces.cut_at >= spells.known_from)
        and (spells.known_until is null or pieces.cut_at < spells.known_until)
),

{% set statements = [
    'service_id', 'postmortem_id', 'failure_mode', 'slo_burn_rate', 'revenue_impact_usd',
    'users_share', 'estimate_days', 'is_regulatory', 'is_ai_code_without_tests', 'active_seconds',
    'triggered_at', 'resolved_at', 'episode_seconds', 'episode_resolved_at',
] -%}

known as (
    select
        stretches.incident_id,
        {%- for column in statements %}
            stretches.{{ column }},
        {%- endfor %}
        case when stretches.is_comparable then stretches.is_always_repeat is not null end
            as is_repeat,
        stretches.known_from,
        stretches.known_until
    from stretches
    where
        (stretches.is_always_repeat is null or stretches.is_always_repeat = 1)
        and stretches.known_from < stretches.known_until
    union all
    select
        late.incident_id,
        {%- for column in statements %}
            late.{{ column }},
        {%- endfor %}
        case when late.is_comparable then repeated_pieces.incident_id is not null end as is_repeat,
        pieces.cut_at as known_from,
        coalesce(pieces.next_cut_at, late.known_until) as known_until
    from late
    inner join pieces
        on
            late.incident_id = pieces.incident_id
            and late.known_from = pieces.stretch_from
    left join repeated_pieces
        on
            pieces.incident_id = repeated_pieces.incident_id
            and pieces.cut_at = repeated_pieces.cut_at
    where late.known_from < late.known_until
)

select * from known
