with source as (
    select *
    from {{ current_rows(source('backstage', 'entities')) }} as documents
),

renamed as (
    select
        -- ids
        {{ entity_ref() }} as entity_ref,
        {{ full_ref('owner_ref', 'group') }} as owner_ref,
        {{ full_ref('system_ref', 'system') }} as system_ref,
        pagerduty_id,
        opsgenie_id,
        servicenow_id,
        kubernetes_id,

        -- strings
        kubernetes_label_name,
        kubernetes_label_instance,
        kubernetes_selector_name,
        kubernetes_selector_instance,
        lower(kind) as entity_kind,
        name as entity_name,
        title as entity_title,
        description as entity_description,
        type as entity_type,
        lifecycle,
        {{ person('email') }} as email,
        nullif(lower(trim(maturity)), 'none') as maturity,
        jira_project_key,
        dashboard_url,
        _source_file as file_name,

        -- numbers
        cast(revenue_per_hour_usd as double precision) as revenue_per_hour_usd,

        -- timestamps
        _loaded_at as loaded_at
    from source
)

select * from renamed
