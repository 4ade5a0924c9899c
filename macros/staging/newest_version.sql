{#
    A source's rows, one per record: the version that was changed last. Loading an older export
    after a newer one changes nothing, and neither does the order of loading: where versions tie,
    the content of the record decides.
#}
{% macro newest_version(relation, key, version) -%}
    (
        select *
        from (
            select
                versions.*,
                row_number() over (
                    partition by {{ key | join(', ') }}
                    order by
                        {%- for column in version %}
                        case when {{ column }} is null then 1 else 0 end,
                        {{ column }} desc,
                        {%- endfor %}
                        _payload desc,
                        _load_id desc,
                        _line desc
                ) as version_rank
            from {{ relation }} as versions
        ) as ranked
        where version_rank = 1
    )
{%- endmacro %}
