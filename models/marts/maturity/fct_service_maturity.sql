{#
    The level that each service of the catalog has by evidence: the highest whose criteria, and
    those of all levels below, it meets. Levels that maturity.yaml does not have are skipped.
#}
with services as (
    select * from {{ ref('int_services__catalogued') }}
),

catalog as (
    select * from {{ ref('dim_services') }}
),

judged as (
    select * from {{ ref('rpt_service_maturity') }}
),

levels as (
    select distinct
        criteria.level_ordinal,
        criteria.maturity_level
    from {{ ref('stg_modernization__maturity_criteria') }} as criteria
),

-- The lowest level for which something is missing.
stopped as (
    select
        judged.service_id,
        min(case when not coalesce(judged.is_met, false) then judged.level_ordinal end)
            as next_ordinal,
        max(judged.level_ordinal) as top_ordinal
    from judged
    group by judged.service_id
),

reached as (
    select
        stopped.service_id,
        stopped.next_ordinal,
        max(levels.level_ordinal) as reached_ordinal
    from stopped
    left join levels
        on
            stopped.next_ordinal > levels.level_ordinal
            or (stopped.next_ordinal is null and stopped.top_ordinal >= levels.level_ordinal)
    group by stopped.service_id, stopped.next_ordinal
),

missing as (
    select
        judged.service_id,
        count(*) as missing_count,
        {{ text_list(
            "judged.criterion || ' (' || judged.evidence_missing || ')'",
            "'; '",
            'order by judged.criterion_ordinal'
        ) }} as missing_for_next_level
    from judged
    inner join reached
        on
            judged.service_id = reached.service_id
            and judged.level_ordinal = reached.next_ordinal
    where not coalesce(judged.is_met, false)
    group by judged.service_id
),

-- Each between bars, so that a search finds one without similar ones.
met as (
    select
        judged.service_id,
        {{ text_list(
            "case when judged.is_met then '|' || judged.criterion || '|' end",
            "''",
            'order by judged.level_ordinal, judged.criterion_ordinal'
        ) }} as met_criteria
    from judged
    group by judged.service_id
),

maturity as (
    select
        -- ids
        services.service_id,
        services.team_id,

        -- strings
        services.service_name,
        catalog.owner,
        have.maturity_level,
        next_levels.maturity_level as next_level,
        cast(missing.missing_for_next_level as varchar) as missing_for_next_level,
        services.maturity_level as declared_level,
        cast(coalesce(met.met_criteria, '') as varchar) as met_criteria,

        -- numbers
        cast(coalesce(reached.reached_ordinal, 0) as bigint) as level_ordinal,
        cast(coalesce(missing.missing_count, 0) as bigint) as missing_count,

        -- booleans
        case
            when services.maturity_level is not null
                then services.maturity_level != coalesce(have.maturity_level, '')
        end as is_declared_otherwise,

        -- timestamps
        cast({{ as_of() }} as date) as measured_on
    from services
    left join catalog on services.service_id = catalog.service_id
    left join reached on services.service_id = reached.service_id
    left join levels as have on reached.reached_ordinal = have.level_ordinal
    left join levels as next_levels on reached.next_ordinal = next_levels.level_ordinal
    left join missing on services.service_id = missing.service_id
    left join met on services.service_id = met.service_id
)

select * from maturity
