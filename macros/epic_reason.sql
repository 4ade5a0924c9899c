{#
    Why an epic is opened, changed, held or closed, for people; `decided` is the relation with the
    outcome, `shown` the number of a team's epics that are named.
#}
{% macro epic_reason(decided, shown) -%}
    case {{ decided }}.outcome
        when 'current' then 'nothing new since it was last updated'
        when 'unknown' then {{ decided }}.state_problem
        when 'shared' then {{ decided }}.sharing
        when 'no_epic_to_join'
            then
                {{ decided }}.scored
                || ' is in the bundle band and no epic of the service is open'
        when 'incomplete'
            then
                'the review promotes it, but it has no '
                || case
                    when {{ decided }}.owner = '' then 'owner: name one in the decision'
                    when {{ decided }}.due_date is null then 'due date: state due in the decision'
                    when {{ decided }}.budget_usd is null
                        then 'budget: a postmortem states the estimate in engineer-days'
                    else 'exit criteria: modernization/maturity.yaml names them'
                end
        when 'declined'
            then
                {{ decided }}.scored || ', but the review of '
                || cast({{ decided }}.review_decided_on as varchar) || ' decided: '
                || {{ decided }}.review_decision
                || coalesce(', until ' || cast({{ decided }}.review_hold_until as varchar), '')
                || coalesce(' (' || {{ decided }}.review_reason || ')', '')
        when 'undecided'
            then
                {{ decided }}.scored
                || ' waits for the review: tracker.yaml opens epics after a decision'
        when 'no_incident_since'
            then
                'its epic was closed'
                || coalesce(
                    ' on ' || cast(cast({{ decided }}.closed_at as date) as varchar), ''
                )
                || ' and no incident came after; the next one opens a new epic'
        when 'open'
            then
                {{ decided }}.scored || ', band ' || {{ decided }}.band
                || case
                    when
                        {{ decided }}.is_new
                        and {{ decided }}.is_closed_as_hygiene
                        -- A service may return without any incident, by its burn alone.
                        and coalesce(
                            {{ decided }}.newest_incident_at <= {{ decided }}.closed_at, true
                        )
                        then
                            '; ' || {{ decided }}.epic_key
                            || ' was closed as hygiene, and the score is back without a new incident'
                    when
                        {{ decided }}.is_new
                        and {{ decided }}.epic_key is not null
                        and {{ decided }}.is_approved
                        then
                            '; approved again on ' || cast({{ decided }}.review_decided_on as varchar)
                            || ' after ' || {{ decided }}.epic_key || ' was closed'
                    when {{ decided }}.is_new and {{ decided }}.epic_key is not null
                        then
                            '; incident of '
                            || cast(cast({{ decided }}.newest_incident_at as date) as varchar)
                            || ' after ' || {{ decided }}.epic_key || ' was closed'
                    else ''
                end
        when 'update'
            then
                case
                    when {{ decided }}.is_said_unknown
                        then 'it is not known what the epic says so far'
                    when {{ decided }}.changes != '' then substring({{ decided }}.changes, 3)
                    when {{ decided }}.pending_change_id is not null
                        then 'an earlier update may not have been finished'
                    else {{ decided }}.sharing
                end
                || case
                    when
                        {{ decided }}.is_fix_unsaid
                        and (
                            {{ decided }}.is_said_unknown
                            or {{ decided }}.changes != ''
                            or {{ decided }}.pending_change_id is not null
                        )
                        then '; ' || {{ decided }}.sharing
                    else ''
                end
        when 'update_shrunk'
            then
                substring({{ decided }}.changes, 3)
                || '; its epic does not report a fall while inputs have shrunk: '
                || {{ decided }}.shrunk_streams
        when 'team_is_full'
            then
                {{ decided }}.scored || ', but ' || {{ decided }}.who || ' takes '
                || case
                    when {{ decided }}.epic_count = 0
                        then 'no epics: raise its wip_limit in capacity.yaml'
                    else
                        cast({{ decided }}.wip_limit as varchar) || ' at a time and has '
                        || cast({{ decided }}.epic_count as varchar) || ': '
                        || {{ decided }}.epic_names
                        || case
                            when {{ decided }}.epic_count > {{ shown }} then ' and more'
                            else ''
                        end
                        || '; the best ranked that waits opens when one is closed'
                end
        when 'blocked'
            then
                {{ decided }}.scored || ', but no '
                || replace(replace({{ decided }}.missing_fields, ',', ', '), '_', ' ')
                || {{ who_fills_in(decided ~ '.missing_fields', decided ~ '.who') }}
                || case
                    when {{ decided }}.is_open then '; its open epic is left as it is' else ''
                end
        else
            {{ decided }}.scored || ' is below the bundle band'
            || case {{ decided }}.outcome
                when 'close_touched'
                    then
                        '; its epic stays open, because others have worked on it since '
                        || 'paydown last wrote to it, or may have'
                when 'close_unreachable'
                    then
                        '; nothing is closed, because the tracker could not be asked: '
                        || {{ decided }}.tracker_problem
                when 'close_shrunk'
                    then
                        '; nothing is closed, because inputs shrank: '
                        || {{ decided }}.shrunk_streams
                when 'close_early'
                    then
                        ' since ' || cast({{ decided }}.promoted_at as varchar)
                        || '; its epic is closed after {{ var("close_after_days") }} days'
                else ''
            end
    end
{%- endmacro %}
