with claims as (
    select * from {{ ref('int_services__claims') }}
),

-- Where two services claim a name, it says nothing: no guess.
unambiguous as (
    select
        claims.alias_id,
        claims.alias_kind,
        claims.alias_value,
        claims.service_id
    from claims
    where claims.service_count = 1
)

select * from unambiguous
