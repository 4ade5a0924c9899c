{#
    What the reports on loads and on streams share, so that both count alike.

    outcome_counts: the outcomes of incidents, each row of `outcomes` with its row of `facts`.
    of_incidents: such a count, where the stream's records are incidents. link_counts: the links of
    the chain from source to facts, each with a difference that is 0 unless something was lost or
    counted twice.
#}
{% macro outcome_counts() -%}
    count(facts.incident_id) as fact_count,
    sum(case when outcomes.exclusion_reason is not null then 1 else 0 end) as excluded_count,
    sum(case when outcomes.is_later then 1 else 0 end) as later_count
{%- endmacro %}

{% macro of_incidents(is_incident_stream, counts) -%}
    {%- for count in counts %}
        case when {{ is_incident_stream }} then coalesce(decided.{{ count }}, 0) end as {{ count }}
        {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{% macro link_counts(counted) -%}
    {%- for name, count in {
        'source_rows': '{0}.source_rows',
        'raw_rows': '{0}.raw_rows',
        'quarantined_rows': '{0}.quarantined_rows',
        'record_count': '{0}.record_count',
        'older_rows': '{0}.stored_rows - {0}.record_count',
        'fact_count': '{0}.fact_count',
        'excluded_count': '{0}.excluded_count',
        'later_count': '{0}.later_count',
        'read_difference': '{0}.source_rows - {0}.raw_rows - {0}.quarantined_rows',
        'raw_difference': '{0}.raw_rows - {0}.stored_rows',
        'quarantine_difference': '{0}.quarantined_rows - {0}.kept_rows',
        'fact_difference':
            '{0}.record_count - {0}.fact_count - {0}.excluded_count - {0}.later_count',
    }.items() %}
        cast({{ count.format(counted) }} as bigint) as {{ name }}
        {%- if not loop.last %},{% endif %}
    {%- endfor %}
{%- endmacro %}

{#
    Missing here, missing at the source, and landed by syncs but read by no load.
#}
{% macro source_differences(counted) -%}
    cast(
        case when {{ counted }}.source_difference < 0 then 0 else {{ counted }}.source_difference end
        as bigint
    ) as missing_count,
    cast(
        case when {{ counted }}.source_difference > 0 then 0 else -{{ counted }}.source_difference end
        as bigint
    ) as extra_count,
    cast(
        {{ counted }}.landed_rows - {{ counted }}.landed_again_rows - {{ counted }}.landed_read_rows
        as bigint
    ) as landed_difference
{%- endmacro %}
