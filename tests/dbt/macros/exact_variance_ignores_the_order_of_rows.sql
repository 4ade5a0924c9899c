-- Equal values have none, though 0.1 is no binary fraction; one value has no variance, not 0.
with cases as (
    select
        'equal' as case_name,
        cast(0.1 as double precision) as number
    union all
    select
        'equal' as case_name,
        cast(0.1 as double precision) as number
    union all
    select
        'equal' as case_name,
        cast(0.1 as double precision) as number
    union all
    select
        'three' as case_name,
        cast(0.1 as double precision) as number
    union all
    select
        'three' as case_name,
        cast(0.2 as double precision) as number
    union all
    select
        'three' as case_name,
        cast(0.6 as double precision) as number
    union all
    select
        'three' as case_name,
        cast(null as double precision) as number
    union all
    select
        'one' as case_name,
        cast(7 as double precision) as number
),

varied as (
    select
        cases.case_name,
        {{ exact_variance('cases.number') }} as actual
    from cases
    group by cases.case_name
)

select varied.*
from varied
where
    round(cast(varied.actual as numeric(18, 6)), 6) is distinct from
    case varied.case_name
        when 'equal' then 0.0
        when 'three' then 0.07
    end
