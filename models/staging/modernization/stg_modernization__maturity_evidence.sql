{{ config(materialized=var('single_use')) }}

{# The evidence that a criterion states, else the default for its text. #}
with stated as (
    select *
    from {{ current_rows(source('modernization', 'maturity_evidence')) }} as documents
),

criteria as (
    select * from {{ ref('stg_modernization__maturity_criteria') }}
),

defaults as (
    select * from {{ ref('criterion_evidence') }}
),

evidence as (
    select
        coalesce(
            stated.check_name, case when stated.tag is null then 'annotation' else 'tag' end
        ) as evidence_kind,
        coalesce(stated.annotation, stated.tag) as evidence_key,
        stated.level_ordinal,
        stated.criterion_ordinal,
        stated.evidence_ordinal,
        stated.within_days,
        stated._loaded_at as loaded_at
    from stated
    union all
    select
        defaults.evidence_kind,
        defaults.evidence_key,
        criteria.level_ordinal,
        criteria.criterion_ordinal,
        defaults.evidence_ordinal,
        defaults.within_days,
        criteria.loaded_at
    from criteria
    inner join defaults on criteria.criterion = defaults.criterion
    left join stated
        on
            criteria.level_ordinal = stated.level_ordinal
            and criteria.criterion_ordinal = stated.criterion_ordinal
    where stated.level_ordinal is null
)

select * from evidence
