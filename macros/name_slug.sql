{#
    A name as written in ids: "Payments API" and payments_api are payments-api. For comparing two
    tools' names for one thing.
#}
{% macro name_slug(name) -%}
    replace(replace(replace(lower(trim({{ name }})), ' ', '-'), '_', '-'), '/', '-')
{%- endmacro %}
