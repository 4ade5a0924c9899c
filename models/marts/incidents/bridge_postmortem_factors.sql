with stated as (
    select distinct
        postmortem_id,
        factor as contributing_factor
    from {{ ref('stg_postmortems__postmortem_factors') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

bridge as (
    select
        -- ids
        cast(stated.postmortem_id || ' > ' || stated.contributing_factor as varchar)
            as postmortem_factor_id,
        stated.postmortem_id,
        cast(stated.contributing_factor as varchar) as contributing_factor
    from stated
    inner join postmortems on stated.postmortem_id = postmortems.postmortem_id
)

select * from bridge
