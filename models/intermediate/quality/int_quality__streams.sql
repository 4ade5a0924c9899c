{%- set with_incidents = [] -%}
{%- for stream in incident_streams() -%}
    {%- do with_incidents.append(stream.source ~ '.' ~ stream.stream) -%}
{%- endfor -%}

with streams as (
    {%- for stream in contract_streams() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ stream.source }}.{{ stream.stream }}' as stream_id,
            '{{ stream.source }}' as source_name,
            '{{ stream.stream }}' as stream_name,
            cast({{ stream.fresh_within_hours or 'null' }} as double precision)
                as fresh_within_hours,
            {{ 'true' if stream.source ~ '.' ~ stream.stream in with_incidents else 'false' }}
                as is_incident_stream,
            {{ 'true' if stream.is_each else 'false' }} as is_part_of_record
    {%- else %}
        select
            cast(null as varchar) as stream_id,
            cast(null as varchar) as source_name,
            cast(null as varchar) as stream_name,
            cast(null as double precision) as fresh_within_hours,
            cast(null as boolean) as is_incident_stream,
            cast(null as boolean) as is_part_of_record
        where false
    {%- endfor %}
)

select * from streams
