-- One row per share of capacity: what fits a quarter (65 working days) of the teams whose engineers
-- are known, in order of rank. Within a team, what follows one that doesn't fit waits as well.
with shares as (
    select unnest([0.18, 0.20, 0.25]) as share
),

committed as (
    select
        services.team_id,
        sum(epics.estimate_days) as days
    from fct_epics as epics
    inner join dim_services as services on epics.service_id = services.service_id
    where epics.is_open
    group by services.team_id
),

capacity as (
    select
        shares.share,
        teams.team_id,
        teams.engineers * 65 * shares.share as planned_days,
        greatest(teams.engineers * 65 * shares.share - coalesce(committed.days, 0), 0)
            as available_days
    from shares
    cross join dim_teams as teams
    left join committed on teams.team_id = committed.team_id
    where teams.engineers is not null
),

wanted as (
    select
        candidates.*,
        cases.cost_usd,
        sum(candidates.estimate_days) over (
            partition by candidates.team_id
            order by candidates.score_rank, candidates.service_name
            rows between unbounded preceding and current row
        ) as team_days
    from rpt_promotion_candidates as candidates
    inner join rpt_epic_case as cases on candidates.service_id = cases.service_id
    left join rpt_epic_decisions as decisions on candidates.service_id = decisions.service_id
    where
        candidates.decision in ('promote', 'blocked', 'bundle')
        and candidates.estimate_days is not null
        and coalesce(decisions.section, '') not in ('already_open', 'updated', 'bundled')
),

placed as (
    select
        capacity.share,
        wanted.*,
        wanted.team_days <= capacity.available_days as fits
    from wanted
    inner join capacity on wanted.team_id = capacity.team_id
),

sums as (
    select
        share,
        count(*) filter (where fits) as fitting_count,
        sum(estimate_days) filter (where fits) as fitting_days,
        sum(budget_usd) filter (where fits) as fitting_usd,
        count(*) filter (where not fits) as waiting_count,
        string_agg(service_name, ', ' order by score_rank) filter (where not fits) as waiting_names,
        sum(cost_usd) filter (where not fits) as waiting_cost_usd
    from placed
    group by share
)

select
    totals.*,
    coalesce(sums.fitting_count, 0) as fitting_count,
    coalesce(sums.fitting_days, 0) as fitting_days,
    coalesce(sums.fitting_usd, 0) as fitting_usd,
    coalesce(sums.waiting_count, 0) as waiting_count,
    sums.waiting_names,
    sums.waiting_cost_usd,
    (
        select string_agg(wanted.service_name, ', ' order by wanted.score_rank)
        from wanted
        where not exists (select 1 from capacity where capacity.team_id = wanted.team_id)
    ) as teamless_names
from (
    select
        share,
        count(*) as team_count,
        sum(planned_days) as planned_days,
        sum(available_days) as available_days
    from capacity
    group by share
) as totals
left join sums on totals.share = sums.share
order by totals.share
