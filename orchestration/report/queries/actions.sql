-- One row per action item that is not known to be done, most overdue first.
select
    service_id,
    action_item_title,
    owner,
    due_on,
    ticket_ref,
    is_overdue,
    overdue_days
from fct_action_items
where action_item_status is distinct from 'done'
qualify
    row_number() over (
        partition by service_id order by overdue_days desc nulls last, due_on nulls last, action_item_title
    ) <= 10
order by service_id, overdue_days desc nulls last, due_on nulls last, action_item_title
