{#
    True where `total` is not the sum of its `parts`: something was lost or counted twice. A missing
    number is a failure too; `where` excludes rows that need none.
#}
{% macro is_not_accounted_for(total, parts, where=none) -%}
    {{ '(' ~ where ~ ') and ' if where }}(
        {{- total }} is null
        {%- for part in parts %} or {{ part }} is null{% endfor %}
        {#- #} or {{ total }} != {{ parts | join(' + ') -}}
    )
{%- endmacro %}
