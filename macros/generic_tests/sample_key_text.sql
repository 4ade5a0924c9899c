{# The columns as one text that a person can look for; where a table has no key, nothing to look for. #}
{% macro sample_key_text(columns) -%}
    {%- if columns -%}
        {%- for column in columns -%}
            coalesce(cast({{ column }} as {{ dbt.type_string() }}), '(null)')
            {{- " || ', ' || " if not loop.last }}
        {%- endfor -%}
    {%- else -%}
        '(no key)'
    {%- endif -%}
{%- endmacro %}
