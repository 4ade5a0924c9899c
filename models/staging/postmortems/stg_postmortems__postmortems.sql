with source as (
    select *
    from {{ current_rows(source('postmortems', 'postmortems')) }} as documents
),

renamed as (
    select
        -- ids
        postmortem_id,
        decision_epic_ref,

        -- strings
        template as template_name,
        title as postmortem_title,
        causal_service as causal_service_name,
        failure_mode,
        required_window,
        owner as owner_name,
        decision_action,
        target_maturity,
        _source_file as file_name,

        -- numbers
        max_burn_rate,
        users_share,
        revenue_usd,
        estimate_days,

        -- booleans
        is_ai_code_without_tests,

        -- timestamps
        impact_started_at,
        review_date as review_on,
        completed_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
