with computed as (
    {%- for count in [0, 1, 10, 11, 12, 500, 1000, 1001, 20000] %}
        {%- if not loop.first %}
            union all
        {%- endif %}
        select
            {{ count }} as asked_for,
            count(*) as number_count,
            count(distinct numbers.n) as distinct_count,
            coalesce(min(numbers.n), 0) as smallest,
            coalesce(max(numbers.n), -1) as largest
        from {{ numbers(count) }} as numbers
    {%- endfor %}
)

select * from computed
where
    number_count != asked_for
    or distinct_count != asked_for
    or smallest != 0
    or largest != asked_for - 1
