{#
    A name as one writes it in ids: "Payments API" and payments_api are payments-api. For comparing
    the names that two tools have for one thing.
#}
{% macro name_slug(name) -%}
    replace(replace(replace(lower(trim({{ name }})), ' ', '-'), '_', '-'), '/', '-')
{%- endmacro %}
