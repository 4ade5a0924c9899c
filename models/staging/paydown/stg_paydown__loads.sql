with source as (
    select * from {{ source('paydown', 'loads') }}
),

-- A version of a file that could not be read at all, or none of whose records could, leaves the
-- last good version in force; the quarantine reports it.
ranked as (
    select
        source.*,
        row_number() over (
            partition by source.source, source.stream, source.file
            order by
                case
                    when source.status = 'removed' then 1
                    when
                        source.status = 'loaded'
                        and (source.rows_loaded > 0 or source.rows_quarantined = 0)
                        then 1
                    else 2
                end,
                source._loaded_at desc,
                source._load_id desc
        ) as recency
    from source
),

renamed as (
    select
        -- ids
        _load_id as load_id,

        -- strings
        source as source_name,
        stream as stream_name,
        file as file_name,
        sha256 as file_sha256,
        status as load_status,
        problem as load_problem,

        -- numbers
        size_bytes,
        records as source_rows,
        rows_loaded,
        rows_quarantined,
        coalesce(rows_compacted, 0) as rows_compacted,

        -- booleans
        recency = 1 and status = 'loaded' as is_current,

        -- timestamps
        _loaded_at as loaded_at
    from ranked
)

select * from renamed
