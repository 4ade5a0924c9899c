{{ config(materialized=var('single_use')) }}

{#
    OpenSLO v1, Sloth's files and Sloth's Kubernetes objects in one shape. Where an OpenSLO document
    has several objectives, each has the document's name and its own number, as in Sloth's records.
    What is measured follows from a label, else the name, else the indicator; an objective with a
    threshold is about time.
#}
{%- set kinds = {
    'latency':
        '(latenc|duration|response.?time|slow|fast|quick|speed|(^|[^a-z0-9_])p[0-9][0-9])',
    'error_rate': '(error.?(rate|ratio|free)|(^|[^a-z0-9_])errors?($|[^a-z0-9_])|fail)',
    'availability': '(availab|uptime|success|reachab|health)',
} %}
with documents as (
    select *
    from {{ current_rows(source('slo', 'documents')) }} as documents
),

entries as (
    select *
    from {{ current_rows(source('slo', 'entries')) }} as documents
),

-- A quarantined document has no objectives.
placed as (
    select
        documents.*,
        entries.ordinal,
        entries.target,
        entries.target_percent,
        entries.threshold,
        coalesce(entries.title, documents.title) as slo_title,
        coalesce(entries.description, documents.description) as slo_description,
        case
            when documents.format != 'openslo/v1' then entries.name
            when documents.second_objective is null then documents.name
            else documents.name || '-' || cast(entries.ordinal as varchar)
        end as slo_name,
        lower(
            coalesce(entries.label_sli, '') || ' ' || coalesce(entries.label_category, '')
            || ' ' || coalesce(entries.label_indicator, '')
        ) as label_text,
        lower(
            coalesce(entries.name, documents.name, '') || ' ' || coalesce(entries.title, '')
            || ' ' || coalesce(documents.title, '') || ' ' || coalesce(entries.description, '')
        ) as name_text,
        lower(
            coalesce(documents.indicator_ref, '') || ' '
            || coalesce(entries.indicator, documents.indicator, '')
        ) as indicator_text
    from documents
    inner join entries
        on
            documents._source_file = entries._source_file
            and documents._line = entries._line
    where documents.format != 'openslo/v1' or documents.kind = 'SLO'
),

renamed as (
    select
        -- strings
        service as stated_service_name,
        slo_name,
        -- Sloth numbers the objectives of an OpenSLO file, and so calls its only one `<name>-0`.
        case
            when format = 'openslo/v1' then name || '-' || cast(ordinal as varchar)
            else slo_name
        end as numbered_name,
        slo_title,
        slo_description,
        case
            {%- for kind, words in kinds.items() %}
                when {{ regex_matches('label_text', words) }} then '{{ kind }}'
            {%- endfor %}
            {%- for kind, words in kinds.items() %}
                when {{ regex_matches('name_text', words) }} then '{{ kind }}'
            {%- endfor %}
            when
                threshold is not null
                or {{ regex_matches('indicator_text', kinds.latency) }}
                then 'latency'
            else 'availability'
        end as indicator_kind,
        _source_file as file_name,

        -- numbers
        _line as line_number,
        ordinal as objective_ordinal,
        coalesce(
            cast(cast(target_percent as numeric(28, 10)) * 0.01 as double precision), target
        ) as objective,
        -- The mean length of months and quarters, which vary.
        cast(round(
            cast(substring(duration, 1, length(duration) - 1) as integer)
            * case substring(duration, length(duration), 1)
                when 'h' then 1
                when 'd' then 24
                when 'w' then 168
                when 'M' then 730.5
                when 'Q' then 2191.5
                when 'Y' then 8766
            end
            / 24,
            6
        ) as double precision) as window_days,

        -- timestamps
        _loaded_at as loaded_at
    from placed
)

select * from renamed
