{#
    The streams whose records are incidents, each of which is a fact or left out with a reason: key
    and version are those of its staging model, and `model` brings it into the common shape.
    A source of your own needs one entry here (docs/guides/bring-your-own-source.md).
#}
{% macro incident_streams() -%}
    {{ return([
        {
            'source': 'opsgenie', 'stream': 'alerts', 'key': 'id', 'version': ['updated_at'],
            'model': 'int_incidents__opsgenie'
        },
        {
            'source': 'opsgenie', 'stream': 'incidents', 'key': 'id', 'version': ['updated_at'],
            'model': 'int_incidents__opsgenie'
        },
        {
            'source': 'pagerduty', 'stream': 'incidents', 'key': 'id', 'version': ['updated_at'],
            'model': 'int_incidents__pagerduty'
        },
        {
            'source': 'servicenow', 'stream': 'incidents', 'key': 'number',
            'version': ['updated_at', 'sys_mod_count'], 'model': 'int_incidents__servicenow'
        },
    ]) }}
{%- endmacro %}
