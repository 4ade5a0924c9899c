with stated as (
    select distinct
        postmortem_id,
        fix_class
    from {{ ref('stg_postmortems__postmortem_fix_classes') }}
),

postmortems as (
    select * from {{ ref('fct_postmortems') }}
),

bridge as (
    select
        -- ids
        cast(stated.postmortem_id || ' > ' || stated.fix_class as varchar)
            as postmortem_fix_class_id,
        stated.postmortem_id,
        cast(stated.fix_class as varchar) as fix_class
    from stated
    inner join postmortems on stated.postmortem_id = postmortems.postmortem_id
)

select * from bridge
