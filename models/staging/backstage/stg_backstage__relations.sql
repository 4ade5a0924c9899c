{#
    Relations from the files, and from Backstage's API. Both are named as Backstage names them.
#}
with depended_on as (
    select *
    from {{ current_rows(source('backstage', 'dependencies')) }} as documents
),

provided as (
    select *
    from {{ current_rows(source('backstage', 'provided_apis')) }} as documents
),

consumed as (
    select *
    from {{ current_rows(source('backstage', 'consumed_apis')) }} as documents
),

related as (
    select *
    from {{ current_rows(source('backstage', 'relations')) }} as documents
    where target_ref is not null
),

renamed as (
    select
        {{ entity_ref() }} as entity_ref,
        'dependsOn' as relation,
        {{ full_ref('target_ref', 'component') }} as target_ref,
        cast(null as bigint) as relation_ordinal
    from depended_on
    union all
    select
        {{ entity_ref() }} as entity_ref,
        'providesApi' as relation,
        {{ full_ref('target_ref', 'api') }} as target_ref,
        cast(null as bigint) as relation_ordinal
    from provided
    union all
    select
        {{ entity_ref() }} as entity_ref,
        'consumesApi' as relation,
        {{ full_ref('target_ref', 'api') }} as target_ref,
        cast(null as bigint) as relation_ordinal
    from consumed
    union all
    select
        {{ entity_ref() }} as entity_ref,
        relation,
        lower(trim(target_ref)) as target_ref,
        relation_ordinal
    from related
)

select * from renamed
