{# The commit that names a file of the source `decisions`: decisions/versions/<commit>.yaml. #}
{% macro commit_of_file() -%}
    replace(replace(_source_file, 'decisions/versions/', ''), '.yaml', '')
{%- endmacro %}
