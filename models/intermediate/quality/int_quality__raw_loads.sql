{#
    The streams come from the contracts, so dbt does not see their tables as parents. It need not:
    the loader fills all of them before it writes `loads`.
#}
with loads as (
    select * from {{ ref('stg_paydown__loads') }}
),

streams as (
    select * from {{ ref('int_quality__streams') }}
),

-- For a stream whose files are the truth, the load decides what is current, not the row.
versions as (
    {%- for stream in contract_streams() %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ stream.source }}.{{ stream.stream }}' as stream_id,
            _load_id as load_id,
            {% if stream.is_snapshot -%}
                cast(null as bigint) as version_rank
        from {{ source(stream.source, stream.stream) }}
            {%- else -%}
                version_rank
        from {{ ranked_versions(
            source(stream.source, stream.stream), stream.key, version_order(stream.version)
        ) }} as ranked
            {%- endif %}
    {%- else %}
        select
            cast(null as varchar) as stream_id,
            cast(null as varchar) as load_id,
            cast(null as bigint) as version_rank
        where false
    {%- endfor %}
),

counted as (
    select
        versions.stream_id,
        versions.load_id,
        count(*) as raw_rows,
        sum(
            case
                when versions.version_rank = 1 then 1
                when versions.version_rank is null and loads.is_current then 1
                else 0
            end
        ) as newest_rows
    from versions
    left join loads on versions.load_id = loads.load_id
    group by versions.stream_id, versions.load_id
    union all
    -- Compaction deleted only versions older than others.
    select
        loads.source_name || '.' || loads.stream_name as stream_id,
        loads.load_id,
        loads.rows_compacted as raw_rows,
        0 as newest_rows
    from loads
    inner join streams
        on
            loads.source_name = streams.source_name
            and loads.stream_name = streams.stream_name
    where loads.rows_compacted > 0
    union all
    -- The table of a stream without a contract is not read: what its loads wrote counts as old.
    select
        loads.source_name || '.' || loads.stream_name as stream_id,
        loads.load_id,
        loads.rows_loaded as raw_rows,
        0 as newest_rows
    from loads
    left join streams
        on
            loads.source_name = streams.source_name
            and loads.stream_name = streams.stream_name
    where streams.stream_id is null and loads.rows_loaded > 0
)

select
    stream_id,
    load_id,
    sum(raw_rows) as raw_rows,
    sum(newest_rows) as newest_rows
from counted
group by stream_id, load_id
