{# Not called source, as elsewhere: BigQuery would read that column as the entire row. #}
with landed as (
    select * from {{ source('paydown', 'quarantine') }}
),

renamed as (
    select
        -- ids
        _load_id as load_id,

        -- strings
        source as source_name,
        stream as stream_name,
        file as file_name,
        field as field_name,
        value as field_value,
        reason as quarantine_reason,
        text as original_text,

        -- numbers
        line as line_number,

        -- timestamps
        _loaded_at as loaded_at
    from landed
)

select * from renamed
