{#
    The calendars of calendar.yaml, and one for each team that it doesn't mention but whose group in
    the catalog states its time zone: the default hours and holidays, on the team's own clock.
#}
with stated as (
    select * from {{ ref('stg_calendar__calendars') }}
),

annotations as (
    select * from {{ ref('stg_backstage__annotations') }}
),

time_zones as (
    select * from {{ ref('time_zones') }}
),

-- Groups with the same name in two namespaces may state two zones: then neither counts.
catalogued as (
    select
        lower({{ dbt.split_part('annotations.entity_ref', "'/'", 2) }}) as team_key,
        min(time_zones.zone_name) as time_zone
    from annotations
    inner join time_zones on trim(annotations.annotation_value) = time_zones.time_zone
    where
        annotations.annotation = 'paydown/time-zone'
        and annotations.entity_ref like 'group:%'
    group by lower({{ dbt.split_part('annotations.entity_ref', "'/'", 2) }})
    having min(time_zones.zone_name) = max(time_zones.zone_name)
),

-- A team's name may differ in case from the catalog's; of two spellings the first counts.
spelled as (
    select
        stated.calendar_name,
        lower(stated.team_name) as team_key,
        coalesce(time_zones.zone_name, stated.time_zone) as time_zone,
        row_number() over (
            partition by lower(stated.team_name) order by stated.calendar_name
        ) as spelling_rank
    from stated
    left join time_zones on stated.time_zone = time_zones.time_zone
),

defaults as (
    select
        spelled.calendar_name,
        spelled.time_zone
    from spelled
    where spelled.team_key is null
),

-- A team with the default zone may simply not have set one, while the catalog does.
calendars as (
    select
        spelled.calendar_name,
        spelled.calendar_name as hours_calendar_name,
        spelled.team_key,
        case
            when spelled.time_zone = defaults.time_zone
                then coalesce(catalogued.time_zone, spelled.time_zone)
            else spelled.time_zone
        end as time_zone,
        spelled.team_key is null as is_assumed
    from spelled
    cross join defaults
    left join catalogued on spelled.team_key = catalogued.team_key
    where spelled.spelling_rank = 1
    union all
    select
        'catalog:' || catalogued.team_key as calendar_name,
        defaults.calendar_name as hours_calendar_name,
        catalogued.team_key,
        catalogued.time_zone,
        false as is_assumed
    from catalogued
    cross join defaults
    left join spelled on catalogued.team_key = spelled.team_key
    where spelled.team_key is null
)

select * from calendars
