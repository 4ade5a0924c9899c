{#
    A relation's rows with `version_rank`, 1 for the version of a record that comes first in `order_by`.
    Nearly every record has one version, so only records with several are sorted: a full sort would
    carry all columns of all rows.
#}
{% macro ranked_versions(relation, key, order_by) -%}
    (
        select
            versions.*,
            row_number() over (
                partition by {{ key | join(', ') }}
                order by {{ order_by }}
            ) as version_rank
        from {{ relation }} as versions
        where exists ({{ _repeated_records(relation, key) }})
        union all
        select
            versions.*,
            1 as version_rank
        from {{ relation }} as versions
        where not exists ({{ _repeated_records(relation, key) }})
    )
{%- endmacro %}

{% macro _repeated_records(relation, key) -%}
    select 1
    from (
        select
            {%- for column in key %}
            {{ column }} as key_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ relation }} as all_versions
        group by {{ key | join(', ') }}
        having count(*) > 1
    ) as repeated
    where
        {%- for column in key %}
        {{ 'and ' if not loop.first }}repeated.key_{{ loop.index }} = {{ column }}
        {%- endfor %}
{%- endmacro %}
