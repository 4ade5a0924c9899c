{#
    How many of the comma-separated items of a text are not among those of another; nulls are empty
    lists. Reads the first `limit` items: rpt_promotion_candidates lists twenty incidents.
#}
{% macro items_missing(items, other, limit=20) -%}
    (
        {%- for number in range(1, limit + 1) %}
            {%- set item = 'coalesce(trim(' ~ dbt.split_part(items, "','", number) ~ "), '')" %}
            {{ '+ ' if not loop.first }}case
                when {{ item }} = '' then 0
                when
                    {{ dbt.position(
                        "(',' || " ~ item ~ " || ',')",
                        "(',' || replace(coalesce(" ~ other ~ ", ''), ', ', ',') || ',')"
                    ) }} > 0
                    then 0
                else 1
            end
        {%- endfor %}
    )
{%- endmacro %}
