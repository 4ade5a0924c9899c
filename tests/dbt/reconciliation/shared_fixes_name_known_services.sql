-- A service that a shared fix names and nobody knows by that name is not served by it.
{{
    config(
        severity='warn',
        meta={'dagster': {'ref': {'name': 'int_services__aliases'}}}
    )
}}

select
    members.fix_id,
    members.service_name
from {{ ref('stg_modernization__shared_fix_members') }} as members
left join {{ ref('int_services__aliases') }} as aliases
    on
        aliases.alias_kind = 'name'
        and lower(trim(members.service_name)) = aliases.alias_value
where aliases.service_id is null
