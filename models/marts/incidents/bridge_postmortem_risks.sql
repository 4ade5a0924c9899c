with stated as (
    select distinct
        postmortem_id,
        risk_id
    from {{ ref('stg_postmortems__postmortem_risks') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

bridge as (
    select
        -- ids
        cast(stated.postmortem_id || ' > ' || stated.risk_id as varchar)
            as postmortem_risk_id,
        stated.postmortem_id,
        cast(stated.risk_id as varchar) as risk_id
    from stated
    inner join postmortems on stated.postmortem_id = postmortems.postmortem_id
)

select * from bridge
