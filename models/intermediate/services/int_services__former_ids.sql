{#
    The former ids of a service: its history, its epics and its payback follow it when it is renamed
    and keeps the old name as an alias. Renames are followed one by one, also through names that
    only an older catalog had: from c to b, an alias of c, to a, an alias of b.
#}
{%- set steps = 8 -%}

with services as (
    select * from {{ ref('int_services__catalogued') }}
),

aliases as (
    select *
    from {{ ref('int_services__aliases') }}
    where alias_kind = 'name'
),

former_aliases as (
    select * from {{ ref('stg_backstage__former_aliases') }}
),

-- Current aliases, and only those that lead to one service.
links as (
    {{ former_refs('aliases', 'service_id', 'alias_value') }}
),

former_links as (
    {{ former_refs('former_aliases', 'entity_ref', 'entity_alias') }}
),

followed_1 as (
    select
        links.newer_id as service_id,
        links.older_id as former_id
    from links
    left join services on links.older_id = services.service_id
    where services.service_id is null
),

{% for step in range(2, steps + 1) -%}
    followed_{{ step }} as (
        select
            followed.service_id,
            followed.former_id
        from followed_{{ step - 1 }} as followed
        union distinct
        select
            followed.service_id,
            former_links.older_id as former_id
        from followed_{{ step - 1 }} as followed
        inner join former_links on followed.former_id = former_links.newer_id
        left join services on former_links.older_id = services.service_id
        where services.service_id is null
    ),

{% endfor -%}
-- An id that leads to two services leads to neither.
known as (
    select
        followed.former_id,
        min(followed.service_id) as service_id
    from followed_{{ steps }} as followed
    group by followed.former_id
    having count(distinct followed.service_id) = 1
)

select * from known
