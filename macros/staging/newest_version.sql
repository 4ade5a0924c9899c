{#
    A source's rows, one per record: the version that was changed last. The order of loading makes
    no difference, even for an older export after a newer one: where versions tie, the content of
    the record decides. Keys are never null: the contract requires them.
#}
{% macro newest_version(relation, key, version) -%}
    {%- set order_by -%}
        {%- for column in version %}
        case when {{ column }} is null then 1 else 0 end,
        {{ column }} desc,
        {%- endfor %}
        _payload desc,
        _load_id desc,
        _line desc
    {%- endset -%}
    (
        select *
        from {{ ranked_versions(relation, key, order_by) }} as ranked
        where version_rank = 1
    )
{%- endmacro %}
