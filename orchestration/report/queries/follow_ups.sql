-- One row per action item that is due today or tomorrow and that is not known to be done.
with moment as (select max(scoring_at)::date as today from fct_service_scores where is_latest)

select
    items.action_item_title, items.service_name, items.owner, items.due_on, items.ticket_ref,
    items.due_on = moment.today as is_today
from fct_action_items as items
cross join moment
where
    items.action_item_status is distinct from 'done'
    and items.due_on between moment.today and moment.today + 1
order by items.due_on, items.owner, items.action_item_title
