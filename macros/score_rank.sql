{#
    Among services with equal scores, more burn comes first, then more repeats, then more users hit.
#}
{% macro score_tie_breakers() -%}
    {{ return(['slo_burn', 'repeats', 'blast_radius']) }}
{%- endmacro %}

{#
    The rank by score, 1 first, within a partition; services that tie in everything share a rank.
    The relation needs score, exact_score, and raw_<factor> of each tie breaker.
#}
{% macro score_rank(relation, partition, raw_relation=none) -%}
    rank() over (
        partition by {{ partition }}
        order by
            {{ relation }}.score desc,
            {{ relation }}.exact_score desc
            {%- for factor in score_tie_breakers() %},
                coalesce({{ raw_relation or relation }}.raw_{{ factor }}, -1) desc
            {%- endfor %}
    )
{%- endmacro %}
