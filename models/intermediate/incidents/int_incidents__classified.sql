{#
    Records of one outage name each other, across tools or because one was merged into another.
    They are followed by doubling to the one that counts: after step k over at most 2^k records.
#}
{%- set steps = 4 -%}

with incidents as (
    select * from {{ ref('int_incidents__unioned') }}
),

incident_keys as (
    select * from {{ ref('int_incidents__keys') }}
),

rules as (
    select * from {{ ref('incident_exclusion_rules') }}
),

targets as (
    select
        incidents.incident_id,
        coalesce(merged.incident_id, correlated.incident_id) as target_id
    from incidents
    left join incident_keys as merged
        on
            incidents.source_name || ':' || lower(incidents.merged_into_ref)
            = merged.incident_key
    -- Some tools pass on the other's id as their alert's key.
    left join incident_keys as correlated
        on
            lower(trim(coalesce(incidents.correlation_ref, incidents.alert_key)))
            = correlated.incident_key
            and incidents.incident_id != correlated.incident_id
    where coalesce(merged.incident_id, correlated.incident_id) is not null
),

-- A minor alert that belongs to no incident is no fact, and neither is a deleted record: records
-- that name it are not excluded with it.
followed_0 as (
    select
        targets.incident_id,
        targets.target_id
    from targets
    inner join incidents as named on targets.target_id = named.incident_id
    left join targets as onward on targets.target_id = onward.incident_id
    where
        onward.target_id is not null
        or (
            not coalesce(named.is_deleted, false)
            and (named.record_kind != 'alert' or coalesce(named.severity_level, 5) <= 3)
        )
),

{% for step in range(1, steps + 1) -%}
    followed_{{ step }} as (
        select
            followed.incident_id,
            followed.target_id
        from followed_{{ step - 1 }} as followed
        union distinct
        select
            first_leg.incident_id,
            second_leg.target_id
        from followed_{{ step - 1 }} as first_leg
        inner join followed_{{ step - 1 }} as second_leg
            on first_leg.target_id = second_leg.incident_id
    ),

{% endfor -%}
-- Where records name each other in a cycle, one stays: existing before deleted, an incident before
-- an alert, then by id.
ends as (
    select
        followed.incident_id,
        followed.target_id,
        row_number() over (
            partition by followed.incident_id
            order by
                case when named.is_deleted then 1 else 0 end,
                case when named.merged_into_ref is null then 0 else 1 end,
                case when named.record_kind = 'alert' then 1 else 0 end,
                followed.target_id
        ) as end_rank
    from followed_{{ steps }} as followed
    inner join incidents as named on followed.target_id = named.incident_id
    left join followed_0 as onward on followed.target_id = onward.incident_id
    left join followed_{{ steps }} as rings
        on
            followed.target_id = rings.incident_id
            and followed.target_id = rings.target_id
    where
        onward.incident_id is null
        or rings.incident_id is not null
),

counted_elsewhere as (
    select
        ends.incident_id,
        ends.target_id as counted_as_id
    from ends
    where
        ends.end_rank = 1
        and ends.incident_id != ends.target_id
),

rule_matches as (
    select
        incidents.incident_id,
        min(rules.exclusion_reason) as rule_reason
    from incidents
    inner join rules on lower(incidents.incident_title) like lower(rules.title_pattern)
    group by incidents.incident_id
),

classified as (
    select
        incidents.incident_id,
        counted_elsewhere.counted_as_id,
        case
            when incidents.is_deleted then 'deleted_at_source'
            -- A duplicate, a false alarm or no incident at all, as people stated in the tool.
            when incidents.incident_status = 'canceled' then 'canceled'
            when rule_matches.rule_reason is not null then rule_matches.rule_reason
            when incidents.merged_into_ref is not null then 'merged'
            when incidents.record_kind = 'alert' and counted_elsewhere.counted_as_id is not null
                then 'alert'
            -- An alert that never became an incident counts if it is P1 to P3.
            when incidents.record_kind = 'alert' and coalesce(incidents.severity_level, 5) > 3
                then 'minor_alert'
            when counted_elsewhere.counted_as_id is not null then 'duplicate'
        end as exclusion_reason
    from incidents
    left join counted_elsewhere on incidents.incident_id = counted_elsewhere.incident_id
    left join rule_matches on incidents.incident_id = rule_matches.incident_id
)

select * from classified
