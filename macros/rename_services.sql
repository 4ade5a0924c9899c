{#
    For hooks of incremental models that are built up run by run: rows of a renamed service get its
    current id. Where two services became one, only one of them continues.
#}
{% macro rename_services() -%}
    {%- if is_incremental() -%}
        update {{ this }}
        set service_id = (
            select former_ids.service_id
            from {{ ref('int_services__former_ids') }} as former_ids
            where former_ids.former_id = {{ this }}.service_id
        )
        where service_id in (
            select min(former_ids.former_id)
            from {{ ref('int_services__former_ids') }} as former_ids
            inner join {{ this }} as former on former_ids.former_id = former.service_id
            left join {{ this }} as own on former_ids.service_id = own.service_id
            where own.service_id is null
            group by former_ids.service_id
        )
    {%- endif -%}
{%- endmacro %}
