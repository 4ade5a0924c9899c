with gathered as (
    {%- for model in incident_models() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select * from {{ ref(model) }}
    {%- endfor %}
)

select * from gathered
