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
        -- More may follow: "Complete, action items in progress".
        trim({{ regex_replace('lower(trim(status))', '([,;:.(]| -|–|—).*$', '') }}) as status_word,
        _source_file as file_name,

        -- numbers
        max_burn_rate,
        cast(cast(users_percent as numeric(28, 10)) * 0.01 as double precision) as users_share,
        revenue_usd,
        estimate_days,

        -- booleans
        -- Known if there was no such code, or if it is stated whether it had tests.
        case
            when not has_ai_code then false
            when has_ai_code then not has_ai_code_tests
        end as is_ai_code_without_tests,

        -- timestamps
        impact_started_at,
        review_date as review_on,
        completed_at,
        _loaded_at as loaded_at
    from source
)

select * from renamed
