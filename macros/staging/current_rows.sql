{#
    The rows of files as they stand now, for sources whose files are the truth (documents): what
    a file no longer says is no longer so.
#}
{% macro current_rows(relation) -%}
    (
        select documents.*
        from {{ relation }} as documents
        inner join {{ ref('stg_paydown__loads') }} as loads
            on documents._load_id = loads.load_id
        where loads.is_current
    )
{%- endmacro %}
