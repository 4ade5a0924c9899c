{{ config(materialized=var('single_use')) }}

{#
    The transitive closure by doubling: after step k a pair exists if one service reaches the
    other over at most 2^k dependencies, so 7 steps follow chains of 128. A cycle adds no new pair
    and so ends by itself. (A recursive query would need UNION, which Snowflake lacks there.)
#}
{%- set steps = 7 -%}

with dependencies as (
    select * from {{ ref('int_services__dependencies') }}
),

reach_0 as (
    select
        dependencies.dependent_id,
        dependencies.dependency_id
    from dependencies
),

{% for step in range(1, steps + 1) -%}
    reach_{{ step }} as (
        select
            reached.dependent_id,
            reached.dependency_id
        from reach_{{ step - 1 }} as reached
        union distinct
        select
            first_leg.dependent_id,
            second_leg.dependency_id
        from reach_{{ step - 1 }} as first_leg
        inner join reach_{{ step - 1 }} as second_leg
            on first_leg.dependency_id = second_leg.dependent_id
    ),

{% endfor -%}
reachable as (
    select
        reached.dependent_id || ' > ' || reached.dependency_id as reachable_pair_id,
        reached.dependent_id,
        reached.dependency_id
    from reach_{{ steps }} as reached
    -- A service in a cycle does not depend on itself.
    where reached.dependent_id != reached.dependency_id
)

select * from reachable
