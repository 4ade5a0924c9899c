with stated as (
    select distinct
        postmortem_id,
        regulation
    from {{ ref('stg_postmortems__postmortem_regulations') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

bridge as (
    select
        -- ids
        cast(stated.postmortem_id || ' > ' || stated.regulation as varchar)
            as postmortem_regulation_id,
        stated.postmortem_id,
        cast(stated.regulation as varchar) as regulation
    from stated
    inner join postmortems on stated.postmortem_id = postmortems.postmortem_id
)

select * from bridge
