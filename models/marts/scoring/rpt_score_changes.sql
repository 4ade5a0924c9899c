{#
    Why a score moved: the factors whose points differ between the newest day and seven days before
    it, with the incidents behind the difference. Both days are scored with today's rubric.
#}
{%- set days = 7 -%}
{%- set shown = 5 -%}
{%- set events = ['recurred', 'entered', 'reviewed', 'left'] -%}

with factor_points as (
    select * from {{ ref('int_scoring__factor_points') }}
),

services as (
    select * from {{ ref('dim_services') }}
),

dates as (
    select * from {{ ref('int_scoring__dates') }}
),

windowed as (
    select
        windowed_incidents.*,
        dates.days_back
    from {{ ref('int_scoring__window_incidents') }} as windowed_incidents
    inner join dates on windowed_incidents.scoring_date = dates.scoring_date
    where dates.days_back in (0, {{ days }})
),

latest as (
    select * from windowed
    where days_back = 0
),

earlier as (
    select * from windowed
    where days_back = {{ days }}
),

compared as (
    select
        coalesce(latest.service_id, earlier.service_id) as service_id,
        coalesce(latest.incident_id, earlier.incident_id) as incident_id,
        coalesce(latest.triggered_at, earlier.triggered_at) as triggered_at,
        coalesce(latest.is_repeat, false) and not coalesce(earlier.is_repeat, false)
            as has_recurred,
        earlier.incident_id is null as has_entered,
        latest.postmortem_id is not null and earlier.postmortem_id is null as has_reviewed,
        latest.incident_id is null as has_left
    from latest
    full outer join earlier
        on
            latest.incident_id = earlier.incident_id
            and latest.service_id = earlier.service_id
),

-- A repeat says more than a new incident.
incident_changes as (
    {% for event in events %}
        {% if not loop.first %}
            union all
        {% endif %}
        select
            compared.service_id,
            compared.incident_id,
            compared.triggered_at,
            '{{ event }}' as change_kind
        from compared
        where
            compared.has_{{ event }}
            and ('{{ event }}' != 'entered' or not compared.has_recurred)
    {% endfor %}
),

numbered as (
    select
        incident_changes.*,
        row_number() over (
            partition by incident_changes.service_id, incident_changes.change_kind
            order by incident_changes.triggered_at desc, incident_changes.incident_id
        ) as change_number,
        count(*) over (
            partition by incident_changes.service_id, incident_changes.change_kind
        ) as change_count
    from incident_changes
),

listed as (
    select
        numbered.service_id,
        {%- for event in events %}
            {{ text_list(
                "case when numbered.change_kind = '" ~ event ~ "' then numbered.incident_id end",
                "', '",
                "order by numbered.change_number"
            ) }}
            || max(
                case
                    when
                        numbered.change_kind = '{{ event }}'
                        and numbered.change_count > {{ shown }}
                        then
                            ' and ' || cast(numbered.change_count - {{ shown }} as varchar)
                            || ' more'
                    else ''
                end
            ) as {{ event }}_ids
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from numbered
    where numbered.change_number <= {{ shown }}
    group by numbered.service_id
),

points as (
    select
        now_points.scoring_date,
        now_points.service_id,
        now_points.factor,
        now_points.weight,
        coalesce(before_points.points, 0) as points_before,
        coalesce(now_points.points, 0) as points_now,
        before_points.evidence as evidence_before,
        now_points.evidence as evidence_now
    from factor_points as now_points
    inner join dates as now_dates
        on
            now_points.scoring_date = now_dates.scoring_date
            and now_dates.days_back = 0
    inner join dates as before_dates on before_dates.days_back = {{ days }}
    inner join factor_points as before_points
        on
            before_dates.scoring_date = before_points.scoring_date
            and now_points.service_id = before_points.service_id
            and now_points.factor = before_points.factor
    where coalesce(before_points.points, 0) != coalesce(now_points.points, 0)
),

explained as (
    select
        points.*,
        case when points.points_now > points.points_before then '+' else '' end
        || cast(points.points_now - points.points_before as varchar)
        || ' ' || points.factor || ': '
        || case
            when points.factor = 'repeats' and listed.recurred_ids is not null
                then listed.recurred_ids || ' recurred'
            else points.evidence_before || ' -> ' || points.evidence_now
        end
        || case
            when points.factor = 'repeats' then ''
            when points.factor in ('slo_burn', 'revenue_impact', 'effort', 'ai_risk')
                then coalesce('; reviewed ' || listed.reviewed_ids, '')
            when points.factor = 'dependency_centrality' then ''
            else
                coalesce('; recurred ' || listed.recurred_ids, '')
                || coalesce('; new ' || listed.entered_ids, '')
        end
        || case
            when points.factor = 'dependency_centrality' then ''
            else coalesce('; left the window ' || listed.left_ids, '')
        end as reason
    from points
    left join listed on points.service_id = listed.service_id
)

select
    -- ids
    explained.service_id || ' / ' || explained.factor as score_change_id,
    explained.service_id,
    services.team_id,

    -- strings
    services.service_name,
    services.owner,
    explained.factor,
    explained.evidence_before,
    explained.evidence_now,
    cast(explained.reason as varchar) as reason,

    -- numbers
    explained.points_before,
    explained.points_now,
    explained.points_now - explained.points_before as points_delta,

    -- timestamps
    explained.scoring_date
from explained
left join services on explained.service_id = services.service_id
