{#
    The current service of each stored score: days scored before a rename have the former id. Where
    two services became one, a day has one score: its own, else the highest.
#}
with history as (
    select * from {{ ref('int_scoring__history') }}
),

former_ids as (
    select * from {{ ref('int_services__former_ids') }}
),

resolved as (
    select
        history.score_id as stored_score_id,
        coalesce(former_ids.service_id, history.service_id) as service_id,
        history.scoring_date,
        row_number() over (
            partition by
                coalesce(former_ids.service_id, history.service_id), history.scoring_date
            order by
                case when former_ids.service_id is null then 0 else 1 end,
                history.score desc,
                history.service_id
        ) as choice
    from history
    left join former_ids on history.service_id = former_ids.former_id
)

select
    resolved.stored_score_id,
    resolved.service_id || ' @ ' || cast(resolved.scoring_date as varchar) as score_id,
    resolved.service_id
from resolved
where resolved.choice = 1
