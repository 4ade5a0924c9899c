{#- At most twenty names of a service are used. -#}
with services as (
    select * from {{ ref('stg_servicenow__services') }}
),

stated as (
    select
        services.source_service_id,
        services.service_name as service_alias
    from services
    {% for place in range(1, 21) -%}
        union all
        select
            services.source_service_id,
            {{ dbt.split_part('services.service_aliases', "','", place) }} as service_alias
        from services
    {% endfor %}
),

names as (
    select distinct
        stated.source_service_id || ' ' || lower(trim(stated.service_alias)) as service_name_id,
        stated.source_service_id,
        lower(trim(stated.service_alias)) as service_alias
    from stated
    where trim(stated.service_alias) != ''
)

select * from names
