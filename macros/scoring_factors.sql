{#
    Each factor, the column of the relation `measured` with its value, the number of levels by which
    it is raised, and the evidence in words.
#}
{% macro scoring_factors() -%}
    {{ return([
        (
            'slo_burn', 'slo_burn', '0',
            "case when measured.slo_burn is not null then "
            ~ number_text('100 * measured.slo_burn', 0)
            ~ " || '% of an error budget spent' else 'error budget spent unknown' end"
            ~ " || coalesce(', ' || " ~ burn_alert_text('measured.burn_alert') ~ ", '')"
            ~ " || measured.slo_burn_said_by",
        ),
        (
            'repeats', 'repeats', '0',
            "cast(measured.repeats as varchar) || ' of ' || cast(measured.comparable_count as varchar)"
            ~ " || ' incidents repeat an earlier one'"
            ~ " || case when measured.comparable_count < measured.incident_count then ', '"
            ~ " || cast(measured.incident_count - measured.comparable_count as varchar)"
            ~ " || ' unknown' else '' end",
        ),
        (
            'mttr', 'mttr', '0',
            "'median ' || " ~ number_text('measured.mttr', 0)
            ~ " || ' active minutes over ' || cast(measured.resolved_count as varchar)"
        ~ " || case when measured.resolved_count = 1 then ' episode' else ' episodes' end",
        ),
        (
            'blast_radius', 'blast_radius', 'measured.is_regulatory',
            "case
                when measured.blast_radius is null and measured.is_regulatory = 1
                    then 'regulated data, share of users unknown'
                else 'up to ' || " ~ number_text('100 * measured.blast_radius', 0) ~ " || '% of users'
                    || case when measured.is_regulatory = 1 then ', regulated data' else '' end
            end",
        ),
        (
            'dependency_centrality', 'dependency_centrality', '0',
            "cast(measured.transitive_dependents as varchar) || ' services depend on it'",
        ),
        (
            'revenue_impact', 'revenue_impact', '0',
            "'$' || " ~ number_text('measured.revenue_impact', 0) ~ " || ' lost'",
        ),
        (
            'effort', 'effort_days', '0',
            number_text('measured.effort_days') ~ " || ' engineer-days of work'",
        ),
        (
            'ai_risk', 'ai_risk', '0',
            "'AI-written code without tests in ' || cast(measured.ai_risk as varchar) || ' of '"
            ~ " || cast(measured.ai_answer_count as varchar) || ' reviewed incidents'",
        ),
    ]) }}
{%- endmacro %}
