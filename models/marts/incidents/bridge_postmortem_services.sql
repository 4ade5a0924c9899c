{# Services that a postmortem names, and the one that caused it, even if not among them. #}
with stated as (
    select * from {{ ref('stg_postmortems__postmortem_services') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

aliases as (
    select *
    from {{ ref('int_services__aliases') }}
    where alias_kind = 'name'
),

services as (
    select * from {{ ref('dim_services') }}
),

named as (
    select
        stated.postmortem_id,
        trim(stated.service_name) as stated_name
    from stated
    union distinct
    select
        postmortems.postmortem_id,
        trim(postmortems.causal_service_name) as stated_name
    from postmortems
    where postmortems.causal_service_name is not null
),

bridge as (
    select
        -- ids
        cast(named.postmortem_id || ' > ' || named.stated_name as varchar)
            as postmortem_service_id,
        named.postmortem_id,
        aliases.service_id,
        services.team_id,

        -- strings
        services.service_name,
        services.owner,
        cast(named.stated_name as varchar) as stated_name,

        -- booleans
        coalesce(
            aliases.service_id = postmortems.causal_service_id
            or named.stated_name = trim(postmortems.causal_service_name),
            false
        ) as is_causal
    from named
    inner join postmortems on named.postmortem_id = postmortems.postmortem_id
    left join aliases on lower(named.stated_name) = aliases.alias_value
    left join services on aliases.service_id = services.service_id
)

select * from bridge
