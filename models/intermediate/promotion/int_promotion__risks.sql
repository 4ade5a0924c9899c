{{ config(materialized=var('single_use')) }}

with members as (
    select * from {{ ref('int_promotion__members') }}
),

windowed as (
    select * from {{ ref('int_scoring__window_incidents') }}
),

reviewed_risks as (
    select distinct
        members.candidate_id,
        members.service_id,
        risks.risk_id
    from members
    inner join windowed
        on
            members.service_id = windowed.service_id
            and members.scoring_date = windowed.scoring_date
    inner join {{ ref('stg_postmortems__postmortem_risks') }} as risks
        on windowed.postmortem_id = risks.postmortem_id
),

-- Where no postmortem names a risk, those that the register has for the service.
known_risks as (
    select
        reviewed_risks.candidate_id,
        reviewed_risks.risk_id
    from reviewed_risks
    union distinct
    select
        members.candidate_id,
        registered.risk_id
    from members
    inner join {{ ref('int_services__risks') }} as registered
        on members.service_id = registered.service_id
    left join reviewed_risks
        on
            members.candidate_id = reviewed_risks.candidate_id
            and members.service_id = reviewed_risks.service_id
    where reviewed_risks.risk_id is null
),

listed as (
    select
        known_risks.candidate_id,
        {{ text_list('known_risks.risk_id', "', '", 'order by known_risks.risk_id') }}
            as risk_ids
    from known_risks
    group by known_risks.candidate_id
)

select * from listed
