{{ config(materialized=var('single_use')) }}

with records as (
    {%- for stream in incident_streams() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ stream.source }}:' || versions.record_key as incident_id,
            '{{ stream.source }}.{{ stream.stream }}' as stream_id,
            versions.load_id
        from (
            select
                {{ stream.key }} as record_key,
                _load_id as load_id,
                row_number() over (
                    partition by {{ stream.key }}
                    order by {{ version_order(stream.version) }}
                ) as version_rank
            from {{ source(stream.source, stream.stream) }}
        ) as versions
        where versions.version_rank = 1
    {%- endfor %}
)

select * from records
