{#
    For incremental models: true where the model's own table has no row with the same values in the
    columns; in a first or full build, true for every row.
#}
{% macro is_not_stored(relation, columns) -%}
    {#- A unit test has no existing table to look up. -#}
    {%- if model.resource_type == 'model' and is_incremental() -%}
        not exists (
            select 1
            from {{ this }} as stored
            where
                {%- for column in columns %}
                {{ 'and ' if not loop.first -}}
                stored.{{ column }} = {{ relation }}.{{ column }}
                {%- endfor %}
        )
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}
