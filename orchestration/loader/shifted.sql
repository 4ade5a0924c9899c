-- Records whose values are one column beside the one where all others have such values: one value
-- was lost, or a comma was not quoted, and another made up for it. `rows`: line, fields. One odd
-- value is just a value; two adjacent ones, of which one fits its neighbour, are a shift.
with cells as (
    select
        line,
        unnest(fields) as cell,
        generate_subscripts(fields, 1) as place
    from rows
    where fields is not null
),

by_value as (
    select
        place,
        cell,
        count(*) as cells,
        case
            when regexp_full_match(cell, '[\pP\pS\pZ\s]*|(?i:null|none|nan|n/a)') then ''
            when try_cast(cell as double) is not null then 'number'
            when regexp_matches(cell, '^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}') then 'time'
            when regexp_full_match(cell, '(?i:true|false|yes|no)') then 'flag'
            when regexp_matches(cell, '^[\[{]') then 'object'
            when regexp_full_match(cell, '\S*\d\S*') then 'code'
            -- What followed a comma that wasn't quoted.
            when starts_with(cell, ' ') then 'rest'
            else 'text'
        end as kind
    from cells
    group by place, cell
),

by_kind as (
    select
        place,
        kind,
        sum(cells) as cells
    from by_value
    group by place, kind
),

columns as (
    select
        place,
        sum(cells) filter (where kind != '') as filled,
        coalesce(sum(cells) filter (where kind = ''), 0) as blank
    from by_kind
    group by place
),

sides as (select unnest([-1, 1]) as side),

-- Columns that repeat few values, next to one that has other ones.
lists as (
    select
        by_value.place,
        sides.side
    from by_value
    cross join sides
    inner join columns using (place)
    left join by_value as beside
        on
            by_value.place + sides.side = beside.place
            and by_value.cell = beside.cell
    where by_value.kind != ''
    group by by_value.place, sides.side, columns.filled
    having
        count(*) * 2 <= columns.filled
        and sum(case when beside.place is not null then by_value.cells else 0 end)
        <= greatest(1, columns.filled * 0.02)
),

-- Few rows have any odd value, and only they are compared.
candidates as (
    select cells.line
    from cells
    inner join by_value using (place, cell)
    inner join by_kind using (place, kind)
    inner join columns using (place)
    where
        by_value.kind != ''
        and (
            by_kind.cells <= greatest(1, columns.filled * 0.02)
            or (by_value.cells = 1 and by_value.place in (select lists.place from lists))
        )
),

compared as (
    select
        cells.line,
        cells.place,
        sides.side,
        by_value.kind,
        columns.filled >= 5
        and by_kind.cells <= greatest(1, columns.filled * 0.02) as is_odd,
        columns.filled >= 5
        and columns.blank <= greatest(1, columns.filled * 0.02) as is_seldom_empty,
        coalesce(beside.cells >= greatest(3, columns_beside.filled * 0.3), false) as is_fit,
        lists.place is not null and by_value.cells = 1
        and coalesce(cell_beside.cells >= 2, false) as is_moved
    from cells
    inner join by_value using (place, cell)
    inner join by_kind using (place, kind)
    inner join columns using (place)
    cross join sides
    left join columns as columns_beside
        on by_value.place + sides.side = columns_beside.place
    left join by_kind as beside
        on by_value.place + sides.side = beside.place and by_value.kind = beside.kind
    left join by_value as cell_beside
        on
            by_value.place + sides.side = cell_beside.place
            and by_value.cell = cell_beside.cell
            and cell_beside.kind != ''
    left join lists
        on by_value.place = lists.place and sides.side = lists.side
    where cells.line in (select candidates.line from candidates)
),

-- e: empty, as few others are. m: belongs to the adjacent column. o: odd. f: would fit there, too.
lettered as (
    select
        line,
        place,
        side,
        case
            when kind = '' and is_seldom_empty then 'e'
            when kind != '' and (is_moved or (is_odd and is_fit)) then 'm'
            when kind != '' and is_odd then 'o'
            when is_fit then 'f'
            else '.'
        end as letter
    from compared
),

patterns as (
    select
        line,
        side,
        string_agg(letter, '' order by place) as letters
    from lettered
    group by line, side
)

select distinct line
from patterns
where
    (side = 1 and regexp_matches(letters, 'm[fm]*[me]'))
    or (side = -1 and regexp_matches(letters, '[om][fm]*m'))
