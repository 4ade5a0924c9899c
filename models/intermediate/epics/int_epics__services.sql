{{ config(materialized=var('single_use')) }}

{#
    The service of an epic. The ledger has the complete hash of the service's id, or of a former
    one; where the ledger has lost the epic, the eight digits in the epic's key identify the
    service, unless two services share them.
#}
with epics as (
    select * from {{ ref('int_epics__epics') }}
),

scored as (
    select * from {{ ref('int_scoring__services') }}
),

known_ids as (
    select
        scored.service_id,
        scored.service_id as known_id
    from scored
    union distinct
    select
        former_ids.service_id,
        former_ids.former_id as known_id
    from {{ ref('int_services__former_ids') }} as former_ids
),

services as (
    select
        scored.service_id,
        scored.service_name,
        {{ sha256_hex('known_ids.known_id') }} as service_hash
    from known_ids
    inner join scored on known_ids.service_id = scored.service_id
),

by_short_hash as (
    select
        substring(services.service_hash, 1, 8) as service_short_hash,
        min(services.service_id) as service_id,
        min(services.service_name) as service_name
    from services
    group by substring(services.service_hash, 1, 8)
    having count(*) = 1
),

matched as (
    select
        epics.epic_id,
        coalesce(services.service_id, by_short_hash.service_id) as service_id,
        coalesce(services.service_name, by_short_hash.service_name, epics.service_name)
            as service_name
    from epics
    left join services on epics.service_hash = services.service_hash
    left join by_short_hash
        on
            epics.service_hash is null
            and epics.service_short_hash = by_short_hash.service_short_hash
)

select * from matched
