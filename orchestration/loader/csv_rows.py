"""CSV rows out of `lines`: what a quote opens ends where it is closed, and each record is judged
by itself.

DuckDB's own reader is not used: of a file with a quote that is never closed, or a comment above
the header, it returns fewer rows than there are and tells of none (tried with 2.0.0).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

import duckdb

from orchestration.loader.expressions import literal
from orchestration.loader.files import UnreadableFileError
from orchestration.loader.lines import is_blank, without_end

DELIMITERS = ",;\t|"
HEADER_LINES = 100
QUOTED = '"(?:[^"]|"")*"'
INSIDE = '(?:[^"]|"")*'


def read_header(con: duckdb.DuckDBPyConnection) -> tuple[str, list[str], int]:
    """The delimiter, the column names, and the line on which the header ends.

    Raises:
        UnreadableFileError: where there is none.
    """
    rows = con.execute(
        f"select line, text from lines where line <= {HEADER_LINES} order by line"
    ).fetchall()
    while rows and not rows[0][1].strip():
        del rows[0]
    if not rows:
        raise UnreadableFileError("has no header; a CSV file begins with the names of its columns")
    bare = re.sub(QUOTED, "", rows[0][1])
    delimiter = max(DELIMITERS, key=bare.count)
    lines = [text.rstrip("\r") + "\n" for _, text in rows]
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        names = next(reader)
    except csv.Error as error:
        raise UnreadableFileError(f"its header can't be read ({error}); export it again") from error
    return delimiter, list(_unique(names)), rows[0][0] + reader.line_num - 1


def _unique(names: Sequence[str]) -> Iterator[str]:
    """Names for an object: an empty one gets its place, a repeated one a number."""
    taken: set[str] = set()
    for place, name in enumerate(names, 1):
        unique = base = name.strip() or f"column_{place}"
        number = 1
        while unique in taken:
            number += 1
            unique = f"{base}_{number}"
        taken.add(unique)
        yield unique


def records_sql(
    con: duckdb.DuckDBPyConnection, delimiter: str, names: Sequence[str], header_line: int
) -> str:
    """`select line, text, reason`, a record each; `text` is JSON, or, with a reason, as it was."""
    quoted = con.execute("select 1 from lines where contains(text, '\"') limit 1").fetchone()
    records = _grouped(delimiter, header_line) if quoted else "select * from lines"
    split = literal(delimiter)
    field = f'(?:{QUOTED}|[^"{delimiter}][^{delimiter}]*|)'
    well_formed = literal(f"{field}(?:{re.escape(delimiter)}{field})*")
    each_field = literal(f"{re.escape(delimiter)}({QUOTED}|[^{delimiter}]*)")
    values = ", ".join(
        f"{literal(name)}, nullif(fields[{place}], '')" for place, name in enumerate(names, 1)
    )
    return f"""
        with records as ({records}),
        stripped as (
            select line, {without_end("text")} as text, reason
            from records
            where line > {header_line} and not {is_blank("text")}
        ),
        parsed as (
            select
                line, text, reason,
                case
                    when reason is not null then null
                    when not contains(text, '"') then string_split(text, {split})
                    when regexp_full_match(text, {well_formed})
                        then list_transform(
                            regexp_extract_all({split} || text, {each_field}, 1),
                            lambda x: case
                                when x[1] = '"' then replace(x[2:-2], '""', '"') else x
                            end
                        )
                end as fields
            from stripped
        )
        select
            line,
            case
                when len(fields) = {len(names)} then json_object({values})::varchar else text
            end as text,
            case
                when reason is not null then reason
                when fields is null
                    then 'has a quote that is not closed, or that stands inside a value; '
                        || 'correct the line and load the file again'
                when len(fields) != {len(names)}
                    then 'has ' || len(fields) || ' values, but the header has {len(names)}; '
                        || 'correct the line and load the file again'
            end as reason
        from parsed
    """


def _grouped(delimiter: str, header_line: int) -> str:
    """`select line, text, reason` where lines that one quoted value spans are one record.

    A line is a step between two states, outside and inside of quotes. Most lines lead to one
    state whatever came before, so the state of any line follows from the last such line and the
    number of lines since that swap the two. A value that is never closed spans nothing: its lines
    stand each for themselves.
    """
    split = re.escape(delimiter)
    field = f'(?:{QUOTED}|[^"{delimiter}][^{delimiter}]*|)'
    opens = literal(f'(?:{field}{split})*"{INSIDE}')
    closes = literal(f'{INSIDE}"(?:{split}{field})*')
    stays = literal(f'{INSIDE}(?:"(?:{split}{field})*{split}"{INSIDE})?')
    return f"""
        with bare as (
            select line, {without_end("text")} as text from lines where line > {header_line}
        ),
        steps as (
            select
                line,
                case when regexp_full_match(text, {opens}) then 1 else 0 end as from_outside,
                case
                    when regexp_full_match(text, {closes}) then 0
                    when regexp_full_match(text, {stays}) then 1
                end as from_inside
            from bare
            where contains(text, '"')
        ),
        settled as (
            -- What can't go on inside of quotes begins anew: the quote was never closed.
            select
                line,
                from_outside,
                coalesce(from_inside, from_outside) as from_inside,
                from_inside is null as begins_anew
            from steps
        ),
        runs as (
            select
                *,
                count_if(from_outside = from_inside) over (
                    order by line rows unbounded preceding
                ) as run
            from settled
        ),
        states as (
            select
                line,
                begins_anew,
                (
                    first(case when from_outside = from_inside then from_outside else 0 end)
                        over (partition by run order by line)
                    + count_if(from_outside > from_inside) over (
                        partition by run order by line rows unbounded preceding
                    )
                ) % 2 as after_it
            from runs
        ),
        known as (
            select
                lines.line,
                lines.text,
                lines.reason,
                coalesce(states.begins_anew, false) as begins_anew,
                last_value(states.after_it ignore nulls) over (
                    order by lines.line rows unbounded preceding
                ) as after_it
            from lines
            left join states on lines.line = states.line
            where lines.line > {header_line}
        ),
        starts as (
            select
                *,
                begins_anew
                or coalesce(lag(after_it) over (order by line), 0) = 0 as is_start
            from known
        ),
        spans as (
            select
                *, max(case when is_start then line end) over (
                    order by line rows unbounded preceding
                ) as start_line
            from starts
        ),
        closed as (
            select *, last(after_it) over (
                partition by start_line order by line
                rows between unbounded preceding and unbounded following
            ) = 1 as is_open
            from spans
        )
        select
            case when is_open then line else start_line end as line,
            string_agg(text, chr(10) order by closed.line) as text,
            max(reason) as reason
        from closed
        group by case when is_open then line else start_line end
    """
