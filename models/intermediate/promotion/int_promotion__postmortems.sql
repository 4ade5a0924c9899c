with members as (
    select * from {{ ref('int_promotion__members') }}
),

windowed as (
    select * from {{ ref('int_scoring__window_incidents') }}
),

postmortems as (
    select * from {{ ref('int_postmortems__enriched') }}
),

criteria as (
    select distinct
        criteria.maturity_level,
        criteria.level_ordinal
    from {{ ref('stg_modernization__maturity_criteria') }} as criteria
),

fixes as (
    select * from {{ ref('stg_postmortems__postmortem_fix_classes') }}
),

reviewed as (
    select distinct
        members.candidate_id,
        windowed.postmortem_id
    from members
    inner join windowed
        on
            members.service_id = windowed.service_id
            and members.scoring_date = windowed.scoring_date
    inner join postmortems on windowed.postmortem_id = postmortems.postmortem_id
),

-- Of several windows the most demanding one: downtime is agreed with people, a canary with
-- machines, a flag with nobody.
windows as (
    select
        'maintenance' as required_window,
        3 as strictness
    union all
    select
        'canary' as required_window,
        2 as strictness
    union all
    select
        'feature_flags' as required_window,
        1 as strictness
    union all
    select
        'none' as required_window,
        0 as strictness
),

listed as (
    select
        reviewed.candidate_id,
        {{ text_list(
            link_line(
                'reviewed.postmortem_id',
                'postmortems.postmortem_title',
                'postmortems.postmortem_url'
            ),
            "'\n'",
            'order by reviewed.postmortem_id'
        ) }} as postmortem_links,
        max(postmortems.slo_chart_url) as slo_chart_url,
        max(criteria.level_ordinal) as wanted_ordinal,
        max(windows.strictness) as strictness
    from reviewed
    inner join postmortems on reviewed.postmortem_id = postmortems.postmortem_id
    left join criteria on postmortems.target_maturity = criteria.maturity_level
    left join windows on postmortems.required_window = windows.required_window
    group by reviewed.candidate_id
),

fix_lists as (
    select
        wanted.candidate_id,
        {{ text_list('wanted.fix_class', "', '", 'order by wanted.fix_class') }}
            as fix_classes
    from (
        select distinct
            reviewed.candidate_id,
            fixes.fix_class
        from reviewed
        inner join fixes on reviewed.postmortem_id = fixes.postmortem_id
    ) as wanted
    group by wanted.candidate_id
),

summarised as (
    select
        listed.candidate_id,
        listed.postmortem_links,
        fix_lists.fix_classes,
        windows.required_window as change_window,
        listed.slo_chart_url,
        listed.wanted_ordinal
    from listed
    left join fix_lists on listed.candidate_id = fix_lists.candidate_id
    left join windows on listed.strictness = windows.strictness
)

select * from summarised
