{#
    The article's plan, step by step, each checked against what is loaded. Steps without data are
    not measured, and are nobody's failure.
#}
with stated as (
    select * from {{ ref('int_outcomes__target_periods') }}
),

targets as (
    select * from {{ ref('rpt_targets_90d') }}
),

epics as (
    select * from {{ ref('fct_epics') }}
),

postmortems as (
    select *
    from {{ ref('fct_postmortems') }}
    where completed_at <= {{ as_of() }}
),

scores as (
    select * from {{ ref('fct_service_scores') }}
),

decisions as (
    select * from {{ ref('fct_funding_decisions') }}
),

epic_postmortems as (
    select * from {{ ref('bridge_epic_postmortems') }}
),

payback as (
    select * from {{ ref('fct_epic_payback') }}
),

budgets as (
    select * from {{ ref('rpt_slo_budget') }}
),

annotations as (
    select * from {{ ref('stg_backstage__annotations') }}
),

-- Named by sync-catalog, or by the label of the article's board, whose epics portals list.
catalog_epics as (
    select
        count(
            distinct case
                when
                    annotations.annotation = 'paydown/open-epics'
                    and annotations.annotation_value != 'none'
                    then annotations.entity_ref
                when
                    annotations.annotation in ('jira/label', 'jira/labels')
                    and {{ dbt.position(
                        "'incident-modernization'", 'annotations.annotation_value'
                    ) }} > 0
                    then annotations.entity_ref
            end
        ) as entity_count,
        count(*) as annotation_count
    from annotations
),

-- Weeks of the last four in which a review decided something.
weeks as (
    select
        count(distinct {{ dbt.date_trunc('week', 'postmortems.completed_at') }}) as review_weeks
    from postmortems
    where
        postmortems.decision_action is not null
        and postmortems.completed_at > {{ time_after(as_of(), -28, 'day') }}
),

measured as (
    select
        (
            select count(*)
            from epics
            where epics.is_read_back
        ) as epics_read_back,
        (select weeks.review_weeks from weeks) as review_weeks,
        (select count(distinct scores.rubric_hash) from scores) as rubrics,
        (
            select count(*)
            from decisions
            where decisions.decision = 'approved'
        ) as approvals,
        (
            select count(distinct payback.epic_id)
            from payback
            inner join epic_postmortems on payback.epic_id = epic_postmortems.epic_id
            inner join postmortems
                on epic_postmortems.postmortem_id = postmortems.postmortem_id
            where payback.delivered_at is not null and postmortems.required_window = 'canary'
        ) as canaries,
        (
            select catalog_epics.entity_count
            from catalog_epics
            where catalog_epics.annotation_count > 0
        ) as catalog_entities,
        (
            select count(*)
            from targets
            where targets.target_name = 'repeat_rate' and targets.verdict in ('met', 'on track')
        ) as repeat_targets,
        (
            select sum(case when budgets.budget_remaining >= 0 then 1 else 0 end)
            from budgets
            where budgets.budget_remaining is not null
        ) as stable_objectives,
        (select count(budgets.budget_remaining) from budgets) as objectives,
        (
            select cast(targets.now_value as bigint)
            from targets
            where targets.target_name = 'services_to_silver' and targets.has_baseline
        ) as upgrades
),

steps as (
    {%- for due_day, step, column, needed, unit in [
        (30, 'pipeline from incidents to the tracker works', 'epics_read_back', '1',
            'epics read back from the tracker'),
        (30, 'weekly review held', 'review_weeks', '3',
            'of the last four weeks with a decision in a postmortem'),
        (30, 'rubric published', 'rubrics', '1', 'rubrics that scores were computed with'),
        (60, 'first monthly triage approved', 'approvals', '1',
            'approvals merged into prioritized.yaml'),
        (60, 'canary playbook used', 'canaries', '1',
            'delivered epics whose postmortem asks for a canary'),
        (60, 'catalog shows epics', 'catalog_entities', '1',
            'entities of the catalog that show their epics'),
        (90, 'repeats down', 'repeat_targets', '1',
            'targets of repeats that are met or on track'),
        (90, 'SLOs stable', 'stable_objectives', 'measured.objectives',
            'objectives with error budget left'),
        (90, 'three to five upgrades to silver or gold shipped', 'upgrades', '3',
            'services that rose to silver or gold'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            {{ loop.index }} as step_number,
            {{ due_day }} as due_day,
            '{{ step }}' as step,
            measured.{{ column }} as measured_count,
            {{ needed }} as needed_count,
            '{{ unit }}' as unit
        from measured
    {%- endfor %}
),

dated as (
    select
        steps.*,
        {{ time_after('stated.period_from', 'steps.due_day', 'day') }} as due_at
    from steps
    cross join stated
),

plan as (
    select
        -- ids
        cast(dated.step_number as bigint) as step_number,

        -- strings
        cast(dated.step as varchar) as step,
        cast(
            case
                when dated.measured_count is null then 'not measured'
                when dated.measured_count >= dated.needed_count then 'done'
                when dated.due_at < {{ as_of() }} then 'late'
                else 'open'
            end as varchar
        ) as verdict,
        cast(dated.unit as varchar) as unit,

        -- numbers
        cast(dated.due_day as bigint) as due_day,
        cast(dated.measured_count as bigint) as measured_count,
        cast(dated.needed_count as bigint) as needed_count,

        -- timestamps
        dated.due_at
    from dated
)

select * from plan
