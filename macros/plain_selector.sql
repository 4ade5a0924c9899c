{#
    The ids that an Opsgenie selector names, separated by commas, such as `tag:"a" OR tag:"b"`; null
    where it is anything but tags joined by OR.
#}
{% macro plain_selector(column) -%}
    case
        when
            {{ column }} not like '% AND %' and {{ column }} not like '%NOT %'
            and {{ column }} not like '%(%' and {{ column }} not like '%*%'
            then
                {%- set plain = namespace(text=column) -%}
                {%- for found, instead in [
                    (' OR ', ','), ('"', ''), ('tag:', ''), ('service:', '')
                ] -%}
                    {%- set plain.text = "replace(" ~ plain.text ~ ", '" ~ found ~ "', '" ~ instead ~ "')" -%}
                {%- endfor %}
                {{ plain.text }}
    end
{%- endmacro %}
