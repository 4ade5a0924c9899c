{#
    What is linked, as one line of a list: its id, title and address with a tab between them. A tab
    or a line break within the title becomes a space, so a line has three parts whatever people
    wrote.
#}
{% macro link_line(id, title, url) -%}
    {{ id }} || chr(9)
    || replace(replace(replace(coalesce({{ title }}, ''), chr(9), ' '), chr(10), ' '), chr(13), ' ')
    || chr(9) || coalesce({{ url }}, '')
{%- endmacro %}
