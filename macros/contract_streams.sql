{#
    The streams that the loader fills, by source and name, from the contracts in the sources' YAML:
    [{source, stream, key, version, is_snapshot, is_each, fresh_within_hours}]. Empty while dbt parses, when
    no graph exists yet. A stream that a project adds is included automatically.
#}
{% macro contract_streams() -%}
    {%- set hours = {'minute': 1 / 60, 'hour': 1, 'day': 24} -%}
    {%- set streams = [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values() | sort(attribute='unique_id') -%}
            {%- set meta = node.config.meta or node.meta or {} -%}
            {%- if meta.files is defined -%}
                {%- set stale_after = (node.freshness or {}).get('warn_after') or {} -%}
                {%- do streams.append({
                    'source': node.source_name,
                    'stream': node.name,
                    'key': _as_list(meta.get('key')),
                    'version': _as_list(meta.get('version')),
                    'is_snapshot': meta.get('mode') == 'snapshot',
                    'is_each': meta.get('each') is not none,
                    'fresh_within_hours': (
                        stale_after.count * hours[stale_after.period]
                        if stale_after.get('count') else none
                    ),
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(streams) }}
{%- endmacro %}

{% macro _as_list(value) -%}
    {{ return([] if value is none else [value] if value is string else value) }}
{%- endmacro %}
