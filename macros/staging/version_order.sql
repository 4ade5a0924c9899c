{#
    The order of a record's versions, newest first, for counting what each load brought. Where
    versions tie, the first load that brought the record keeps it; the content is not read here.
#}
{% macro version_order(version) -%}
    {%- for column in version %}
    case when {{ column }} is null then 1 else 0 end,
    {{ column }} desc,
    {%- endfor %}
    _loaded_at,
    _load_id,
    _line
{%- endmacro %}
