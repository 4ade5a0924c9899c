{#
    A link as one line of a list: its id, title and address, separated by tabs. A tab or a line
    break within the title becomes a space, so a line always has three parts.
#}
{% macro link_line(id, title, url) -%}
    {{ id }} || chr(9)
    || replace(replace(replace(coalesce({{ title }}, ''), chr(9), ' '), chr(10), ' '), chr(13), ' ')
    || chr(9) || coalesce({{ url }}, '')
{%- endmacro %}
