with members as (
    select * from {{ ref('int_promotion__members') }}
),

factors as (
    select * from {{ ref('int_scoring__factor_history') }}
),

fixes as (
    select * from {{ ref('stg_modernization__shared_fixes') }}
),

services as (
    select * from {{ ref('int_scoring__services') }}
),

reviews as (
    select * from {{ ref('int_promotion__review_decisions') }}
),

tracker as (
    select * from {{ ref('stg_modernization__tracker') }}
),

measured as (
    select
        members.candidate_id,
        max(case when factors.factor = 'effort' then factors.raw_value end) as estimate_days,
        max(case when factors.factor = 'slo_burn' then factors.raw_value end) as slo_burn
    from members
    left join factors on members.score_id = factors.score_id
    group by members.candidate_id
),

evidenced as (
    select
        members.candidate_id,
        max(members.newest_incident_at) as newest_incident_at,
        {{ text_list(
            'services.service_name', "', '", 'order by services.service_name'
        ) }} as member_names
    from members
    inner join services on members.service_id = services.service_id
    group by members.candidate_id
),

-- The member with the highest score speaks for all: its score, its band, its goal.
leads as (
    select
        members.*,
        row_number() over (
            partition by members.candidate_id
            order by members.score_rank, members.service_id
        ) as lead_rank
    from members
),

-- A service that waits for a shared fix shows it in its own row.
waiting as (
    select
        members.service_id,
        members.fix_id
    from members
    where members.fix_id is not null and members.band != 'close_as_hygiene'
),

candidates as (
    select
        -- ids
        leads.candidate_id,
        leads.service_id as lead_service_id,
        coalesce(leads.fix_id, waiting.fix_id) as shared_fix_id,

        -- strings
        fixes.fix_title,
        -- The owner named by the review delivers, whatever the catalog says.
        coalesce(reviews.owner_name, fixes.owner_name) as owner_name,
        fixes.fix_class,
        case when leads.fix_id is not null then evidenced.member_names else '' end
            as member_names,
        reviews.review_decision,
        reviews.review_reason,
        reviews.decided_by as review_decided_by,

        -- numbers
        coalesce(fixes.estimate_days, measured.estimate_days) as estimate_days,
        measured.slo_burn,

        -- booleans
        leads.fix_id is not null as is_shared_fix,
        coalesce(tracker.open_when = 'after_decision', false) as is_opened_after_review,

        -- timestamps
        evidenced.newest_incident_at,
        reviews.decided_on as review_decided_on,
        reviews.due_on as review_due_on,
        reviews.hold_until as review_hold_until
    from leads
    inner join measured on leads.candidate_id = measured.candidate_id
    inner join evidenced on leads.candidate_id = evidenced.candidate_id
    left join fixes on leads.fix_id = fixes.fix_id
    left join waiting on leads.candidate_id = waiting.service_id
    left join reviews on leads.candidate_id = reviews.candidate_id
    left join tracker on true
    where leads.lead_rank = 1
)

select * from candidates
