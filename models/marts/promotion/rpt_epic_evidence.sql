{#
    What an epic shows of each candidate, one row per item: its incidents, and what their
    postmortems say. Newest or weightiest first, at most twenty of a kind.
#}
{%- set shown = 20 -%}

with candidates as (
    select * from {{ ref('rpt_promotion_candidates') }}
),

windowed as (
    select * from {{ ref('int_promotion__windowed') }}
),

incidents as (
    select * from {{ ref('fct_incidents') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

factors as (
    select * from {{ ref('stg_postmortems__postmortem_factors') }}
),

lessons as (
    select * from {{ ref('stg_postmortems__postmortem_lessons') }}
),

action_items as (
    select * from {{ ref('fct_action_items') }}
),

fix_lists as (
    select
        fixes.postmortem_id,
        {{ text_list('fixes.fix_class', "', '", 'order by fixes.fix_class') }} as fix_classes
    from {{ ref('bridge_postmortem_fix_classes') }} as fixes
    group by fixes.postmortem_id
),

-- A postmortem is as new as the newest of its incidents.
reviewed as (
    select
        windowed.candidate_id,
        windowed.postmortem_id,
        max(windowed.triggered_at) as newest_at
    from windowed
    inner join postmortems on windowed.postmortem_id = postmortems.postmortem_id
    group by windowed.candidate_id, windowed.postmortem_id
),

incident_rows as (
    select
        windowed.candidate_id,
        incidents.incident_id as source_id,
        incidents.postmortem_id,
        incidents.incident_title as evidence_title,
        case when incidents.is_repeat then 'repeat' end as detail,
        incidents.incident_status as status,
        incidents.incident_url as url,
        incidents.severity_level,
        windowed.active_seconds as duration_seconds,
        windowed.triggered_at as occurred_at,
        row_number() over (
            partition by windowed.candidate_id
            order by windowed.triggered_at desc, windowed.incident_id
        ) as ordinal
    from windowed
    inner join incidents on windowed.incident_id = incidents.incident_id
),

-- Teams describe one factor in many wordings: each is listed once.
factor_notes as (
    select
        noted.candidate_id,
        noted.factor,
        {{ text_list('noted.note', "'; '", 'order by noted.note') }} as notes
    from (
        select distinct
            reviewed.candidate_id,
            factors.factor,
            factors.note
        from reviewed
        inner join factors on reviewed.postmortem_id = factors.postmortem_id
        where factors.note is not null
    ) as noted
    group by noted.candidate_id, noted.factor
),

factor_rows as (
    select
        counted.candidate_id,
        counted.factor as evidence_title,
        factor_notes.notes as detail,
        counted.mention_count,
        row_number() over (
            partition by counted.candidate_id
            order by counted.mention_count desc, counted.factor
        ) as ordinal
    from (
        select
            reviewed.candidate_id,
            factors.factor,
            count(distinct reviewed.postmortem_id) as mention_count
        from reviewed
        inner join factors on reviewed.postmortem_id = factors.postmortem_id
        group by reviewed.candidate_id, factors.factor
    ) as counted
    left join factor_notes
        on
            counted.candidate_id = factor_notes.candidate_id
            and counted.factor = factor_notes.factor
),

-- A lesson that several postmortems state in the same words is listed for the newest.
ranked_lessons as (
    select
        reviewed.candidate_id,
        reviewed.postmortem_id,
        reviewed.newest_at,
        lessons.lesson,
        row_number() over (
            partition by reviewed.candidate_id, lessons.lesson
            order by reviewed.newest_at desc, reviewed.postmortem_id
        ) as wording_rank
    from reviewed
    inner join lessons on reviewed.postmortem_id = lessons.postmortem_id
),

lesson_rows as (
    select
        ranked_lessons.candidate_id,
        ranked_lessons.postmortem_id,
        ranked_lessons.lesson as evidence_title,
        ranked_lessons.newest_at as occurred_at,
        row_number() over (
            partition by ranked_lessons.candidate_id
            order by
                ranked_lessons.newest_at desc, ranked_lessons.postmortem_id, ranked_lessons.lesson
        ) as ordinal
    from ranked_lessons
    where ranked_lessons.wording_rank = 1
),

-- Open items come first, those due soonest before others, those without a date last.
action_rows as (
    select
        reviewed.candidate_id,
        action_items.ticket_ref as source_id,
        action_items.postmortem_id,
        action_items.action_item_title as evidence_title,
        action_items.owner as assignee,
        action_items.action_item_status as status,
        action_items.ticket_url as url,
        action_items.due_on,
        row_number() over (
            partition by reviewed.candidate_id
            order by
                case
                    when action_items.action_item_status in ('open', 'unknown') then 0 else 1
                end,
                case when action_items.due_on is null then 1 else 0 end,
                action_items.due_on,
                action_items.action_item_id
        ) as ordinal
    from reviewed
    inner join action_items on reviewed.postmortem_id = action_items.postmortem_id
),

-- The same fix is estimated again after every incident of its kind: the newest estimate counts, as
-- in the score. A shared fix is estimated as one change.
estimated as (
    select
        windowed.*,
        row_number() over (
            partition by
                windowed.candidate_id,
                case
                    when windowed.failure_mode = 'unknown' then windowed.postmortem_id
                    else coalesce(windowed.failure_mode, windowed.postmortem_id)
                end
            order by windowed.triggered_at desc, windowed.incident_id
        ) as estimate_rank
    from windowed
    where windowed.estimate_days is not null and windowed.fix_id is null
),

estimate_rows as (
    select
        estimated.candidate_id,
        estimated.postmortem_id,
        postmortems.postmortem_title as evidence_title,
        fix_lists.fix_classes as detail,
        postmortems.owner as assignee,
        estimated.estimate_days,
        estimated.triggered_at as occurred_at,
        row_number() over (
            partition by estimated.candidate_id
            order by estimated.estimate_days desc, estimated.postmortem_id
        ) as ordinal
    from estimated
    inner join postmortems on estimated.postmortem_id = postmortems.postmortem_id
    left join fix_lists on estimated.postmortem_id = fix_lists.postmortem_id
    where estimated.estimate_rank = 1
),

all_rows as (
    {{ evidence_rows('incident', [
        'source_id', 'postmortem_id', 'evidence_title', 'detail', 'status', 'url',
        'severity_level', 'duration_seconds', 'occurred_at',
    ]) }}
    union all
    {{ evidence_rows('factor', ['evidence_title', 'detail', 'mention_count']) }}
    union all
    {{ evidence_rows('lesson', ['postmortem_id', 'evidence_title', 'occurred_at']) }}
    union all
    {{ evidence_rows('action', [
        'source_id', 'postmortem_id', 'evidence_title', 'assignee', 'status', 'url', 'due_on',
    ]) }}
    union all
    {{ evidence_rows('estimate', [
        'postmortem_id', 'evidence_title', 'detail', 'assignee', 'estimate_days', 'occurred_at',
    ]) }}
),

evidence as (
    select
        -- ids
        all_rows.candidate_id || ' > ' || all_rows.evidence_kind || ' '
        || cast(all_rows.ordinal as varchar) as evidence_id,
        candidates.service_id,
        candidates.team_id,
        all_rows.source_id,
        all_rows.postmortem_id,

        -- strings
        candidates.service_name,
        candidates.owner,
        all_rows.evidence_kind,
        all_rows.evidence_title,
        all_rows.detail,
        all_rows.assignee,
        all_rows.status,
        all_rows.url,

        -- numbers
        all_rows.ordinal,
        all_rows.severity_level,
        all_rows.mention_count,
        all_rows.duration_seconds,
        all_rows.estimate_days,

        -- timestamps
        all_rows.occurred_at,
        all_rows.due_on
    from all_rows
    inner join candidates on all_rows.candidate_id = candidates.service_id
    where all_rows.ordinal <= {{ shown }}
)

select * from evidence
