{# The columns as one text that a person can search for; empty where a table has no key. #}
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
