{#
    Each criterion of each level for each service: whether it is met, by what, and what is missing.
#}
with services as (
    select * from {{ ref('int_services__catalogued') }}
),

catalog as (
    select * from {{ ref('dim_services') }}
),

criteria as (
    select * from {{ ref('stg_modernization__maturity_criteria') }}
),

evidence as (
    select * from {{ ref('int_maturity__evidence') }}
),

gathered as (
    select
        evidence.service_id,
        evidence.level_ordinal,
        evidence.criterion_ordinal,
        count(*) as evidence_count,
        sum(case when evidence.evidence_state = 'shown' then 1 else 0 end) as shown_count,
        sum(case when evidence.evidence_state = 'refuted' then 1 else 0 end) as refuted_count,
        {{ text_list(
            'evidence.evidence_found', "'; '", 'order by evidence.evidence_ordinal'
        ) }} as evidence_found,
        {{ text_list(
            'evidence.evidence_missing', "'; '", 'order by evidence.evidence_ordinal'
        ) }} as evidence_missing
    from evidence
    group by evidence.service_id, evidence.level_ordinal, evidence.criterion_ordinal
),

judged as (
    select
        -- ids
        services.service_id || ' ' || criteria.maturity_level || ' '
        || cast(criteria.criterion_ordinal as varchar) as service_criterion_id,
        services.service_id,
        services.team_id,

        -- strings
        services.service_name,
        catalog.owner,
        criteria.maturity_level,
        criteria.criterion,
        cast(
            case
                when gathered.evidence_count is null then 'unknown'
                when gathered.refuted_count > 0 then 'not met'
                when gathered.shown_count = gathered.evidence_count then 'met'
                else 'not shown'
            end as varchar
        ) as criterion_state,
        -- Snowflake's list of nothing is an empty text.
        cast(nullif(gathered.evidence_found, '') as varchar) as evidence_found,
        cast(
            case
                when gathered.evidence_count is null
                    then 'evidence for this criterion in maturity.yaml'
                else nullif(gathered.evidence_missing, '')
            end as varchar
        ) as evidence_missing,

        -- numbers
        criteria.level_ordinal,
        criteria.criterion_ordinal,

        -- booleans
        case
            when gathered.refuted_count > 0 then false
            when gathered.shown_count = gathered.evidence_count then true
        end as is_met
    from services
    cross join criteria
    left join catalog on services.service_id = catalog.service_id
    left join gathered
        on
            services.service_id = gathered.service_id
            and criteria.level_ordinal = gathered.level_ordinal
            and criteria.criterion_ordinal = gathered.criterion_ordinal
)

select * from judged
