{# The models of `incident_streams`, each once. #}
{% macro incident_models() -%}
    {{ return(incident_streams() | map(attribute='model') | unique | list) }}
{%- endmacro %}
