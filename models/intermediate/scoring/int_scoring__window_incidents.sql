{# The incidents behind the newest score, and behind the one of a week before. #}
select windows.*
from {{ ref('int_scoring__windows') }} as windows
where windows.days_back in (0, 7)
