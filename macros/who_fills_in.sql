{# Who supplies each field that an epic lacks; `fields` are comma-separated, `who` is the owner. #}
{% macro who_fills_in(fields, who) -%}
    {%- set people = [
        ('owner', "'the service''s team sets spec.owner in its catalog-info.yaml'"),
        ('due_date', who ~ " || ' sets the review date and fix window in the postmortem'"),
        ('budget', who ~ " || ' puts an estimate in engineer-days in the postmortem'"),
        ('coverage', who ~ " || ' reviews the incidents: the score rests on too little data'"),
        ('exit_criteria', "'platform maintainers add the next level''s criteria to maturity.yaml'"),
    ] -%}
    ': ' || substring(
        {%- for field, sentence in people %}
            {{ '|| ' if not loop.first }}case
                when {{ dbt.position("'" ~ field ~ "'", fields) }} > 0 then '; ' || {{ sentence }}
                else ''
            end
        {%- endfor %},
        3
    )
{%- endmacro %}
