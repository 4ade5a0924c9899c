{# Fails for each row whose `total` is not the sum of its `parts`: something was lost or doubled. #}
{% test accounted_for(model, total, parts) %}

select *
from {{ model }}
where {{ total }} != {{ parts | join(' + ') }}

{% endtest %}
