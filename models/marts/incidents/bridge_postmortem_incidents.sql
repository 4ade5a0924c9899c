with links as (
    select * from {{ ref('int_postmortems__incident_links') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

bridge as (
    select
        -- ids
        cast(links.postmortem_incident_id as varchar) as postmortem_incident_id,
        links.postmortem_id,
        links.incident_id,

        -- strings
        cast(links.incident_ref as varchar) as incident_ref,

        -- booleans
        links.is_linked
    from links
    inner join postmortems on links.postmortem_id = postmortems.postmortem_id
)

select * from bridge
