with services as (
    select * from {{ ref('int_services__catalogued') }}
),

other_names as (
    select * from {{ ref('stg_backstage__aliases') }}
),

entities as (
    select * from {{ ref('stg_backstage__entities') }}
),

cmdb as (
    select * from {{ ref('int_services__servicenow') }}
),

cmdb_names as (
    select * from {{ ref('int_services__servicenow_names') }}
),

-- Alerts carry the label of the pods, which the entity states in one of these places. Its label
-- part-of is ignored: it names what the service is a part of.
kubernetes_names as (
    select
        entities.entity_ref,
        entities.kubernetes_label_name as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_label_instance as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_selector_name as kubernetes_name
    from entities
    union all
    select
        entities.entity_ref,
        entities.kubernetes_selector_instance as kubernetes_name
    from entities
),

-- An annotation may name several ids. An Opsgenie selector is plain if it joins tags by OR; any
-- other is listed with the conflicts of the catalog.
tool_ids as (
    select
        'pagerduty' as alias_kind,
        services.service_id,
        replace(replace(services.pagerduty_id, ';', ','), ' ', ',') as stated_ids
    from services
    union all
    select
        'opsgenie' as alias_kind,
        services.service_id,
        {{ plain_selector('services.opsgenie_id') }} as stated_ids
    from services
),

numbers as (
    select * from {{ numbers(50) }} as places
),

-- The kind limits where the value is used: an id of one tool never matches another tool's.
names as (
    select
        tool_ids.alias_kind,
        {{ text_part('tool_ids.stated_ids', "','", 'cast(numbers.n + 1 as integer)') }}
            as alias_value,
        tool_ids.service_id,
        1 as claim_rank
    from tool_ids
    cross join numbers
    where
        numbers.n <= length(tool_ids.stated_ids) - length(replace(tool_ids.stated_ids, ',', ''))
    union all
    -- A ServiceNow item may be stated by its name, which may contain blanks and commas.
    {%- for kind, column in [
        ('servicenow', 'servicenow_id'), ('name', 'service_name'), ('name', 'service_title'),
        ('name', 'kubernetes_id'), ('name', 'service_id'),
    ] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            '{{ kind }}' as alias_kind,
            services.{{ column }} as alias_value,
            services.service_id,
            1 as claim_rank
        from services
    {%- endfor %}
    union all
    select
        'name' as alias_kind,
        other_names.entity_alias as alias_value,
        services.service_id,
        1 as claim_rank
    from other_names
    inner join services on other_names.entity_ref = services.service_id
    union all
    select
        'name' as alias_kind,
        kubernetes_names.kubernetes_name as alias_value,
        services.service_id,
        2 as claim_rank
    from kubernetes_names
    inner join services on kubernetes_names.entity_ref = services.service_id
    union all
    select
        'servicenow' as alias_kind,
        cmdb.source_service_id as alias_value,
        cmdb.service_id,
        2 as claim_rank
    from cmdb
    where cmdb.service_id is not null
    union all
    select
        'name' as alias_kind,
        cmdb_names.service_alias as alias_value,
        cmdb.service_id,
        3 as claim_rank
    from cmdb_names
    inner join cmdb on cmdb_names.source_service_id = cmdb.source_service_id
    where cmdb.service_id is not null
),

normalised as (
    select distinct
        names.alias_kind,
        lower(trim(names.alias_value)) as alias_value,
        names.service_id,
        names.claim_rank
    from names
    where trim(names.alias_value) != ''
),

-- Many services may run under the label that is one service's name: the name comes first.
ranked as (
    select
        normalised.*,
        min(normalised.claim_rank) over (
            partition by normalised.alias_kind, normalised.alias_value
        ) as first_claim_rank
    from normalised
),

counted as (
    select
        ranked.alias_kind || ':' || ranked.alias_value as alias_id,
        ranked.alias_kind,
        ranked.alias_value,
        min(ranked.service_id) as service_id,
        {{ text_list('ranked.service_id', "' and '", 'order by ranked.service_id') }}
            as claimed_by,
        min(ranked.claim_rank) as claim_rank,
        count(*) as service_count
    from ranked
    where ranked.claim_rank = ranked.first_claim_rank
    group by ranked.alias_kind, ranked.alias_value
)

select * from counted
