{#
    Fails for each row whose `total` is not the sum of its `parts`: something was lost or doubled.
    A number that is not there fails too; rows that have none to be due are left out with `where`.
#}
{% test accounted_for(model, total, parts) %}

select *
from {{ model }}
where
    {{ total }} is null
    {%- for part in parts %}
    or {{ part }} is null
    {%- endfor %}
    or {{ total }} != {{ parts | join(' + ') }}

{% endtest %}
