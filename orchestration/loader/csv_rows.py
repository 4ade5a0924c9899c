"""CSV rows out of lines: what a quote opens ends where it is closed, and each record is judged
by itself.

DuckDB's own reader is not used: of a file with a quote that is never closed, or a comment above
the header, it returns fewer rows than there are and reports none (tried with 2.0.0).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from orchestration.loader.expressions import literal
from orchestration.loader.files import UnreadableFileError
from orchestration.loader.lines import Lines, is_blank, without_end

DELIMITERS = ",;\t|"
HEADER_LINES = 100
SEPARATOR = re.compile(rf'"?sep=([{re.escape(DELIMITERS)}])"?', re.IGNORECASE)
INSIDE = '[^"]*+(?:""[^"]*+)*+'
QUOTED = f'"{INSIDE}"'


class CsvRows:
    """A CSV file: its delimiter, its column names, and its rows."""

    def __init__(self, blocks: Iterator[list[Lines]]) -> None:
        """Read the header.

        Raises:
            UnreadableFileError: where there is none.
        """
        first = list(islice(blocks, 1))
        text = "\n".join(lines for _, lines, _ in first[0]) if first else ""
        head = text.split("\n", HEADER_LINES)[:HEADER_LINES]
        blank = next((n for n, line in enumerate(head) if line.strip()), len(head))
        # Excel's way to say what separates the values, in a line of its own.
        stated = SEPARATOR.fullmatch(head[blank].strip()) if blank < len(head) else None
        blank += 1 if stated else 0
        if blank == len(head) or not head[blank].strip():
            raise UnreadableFileError(
                "has no header; a CSV file begins with the names of its columns"
            )
        bare = re.sub(QUOTED, "", head[blank])
        self.delimiter = stated[1] if stated else max(DELIMITERS, key=bare.count)
        lines = [line.rstrip("\r") + "\n" for line in head[blank:]]
        reader = csv.reader(lines, delimiter=self.delimiter)
        try:
            self.names = list(_unique(next(reader)))
        except csv.Error as error:
            raise UnreadableFileError(
                f"its header can't be read ({error}); export it again"
            ) from error
        self._header_line = blank + reader.line_num
        self._blocks = chain(first, blocks)

    def rows(self) -> Iterator[list[Lines]]:
        """What follows the header: lines that one quoted value spans are one row. A value that is
        never closed spans nothing, its lines are rows of their own.
        """
        split = re.escape(self.delimiter)
        field = f'(?:{QUOTED}|[^"{split}][^{split}]*+|)'
        opens = re.compile(f'(?:{field}{split})*+"{INSIDE}\r*').fullmatch
        closes = re.compile(f'{INSIDE}"(?:{split}{field})*+\r*').fullmatch
        stays = re.compile(f'{INSIDE}(?:"(?:{split}{field})*{split}"{INSIDE})?\r*').fullmatch
        spanned: list[Lines] = []  # Lines of a value whose end is still to come.
        for block in self._blocks:
            rows: list[Lines] = []
            for first, lines, reason in block:
                for number, text in enumerate(lines.split("\n"), first):
                    if number <= self._header_line:
                        continue
                    row = (number, text, reason)
                    if '"' in text:
                        if spanned and closes(text):
                            rows.append(_joined([*spanned, row]))
                            spanned = []
                            continue
                        if spanned and not stays(text):
                            rows += spanned
                            spanned = []
                        if not spanned and opens(text):
                            spanned = [row]
                            continue
                    (spanned if spanned else rows).append(row)
            yield rows
        yield spanned

    def sql(self) -> str:
        """`line, text, reason`, a record each, from `piece` with the columns of `TEXTS`; `text`
        is JSON, or, with a reason, as it was.
        """
        split, escaped = literal(self.delimiter), re.escape(self.delimiter)
        quoted = '"(?:[^"]|"")*"'
        field = f'(?:{quoted}|[^"{self.delimiter}][^{self.delimiter}]*|)'
        well_formed = literal(f"{field}(?:{escaped}{field})*")
        each_field = literal(f"{escaped}({quoted}|[^{self.delimiter}]*)")
        values = ", ".join(
            f"{literal(name)}, nullif(fields[{place}], '')"
            for place, name in enumerate(self.names, 1)
        )
        count = len(self.names)
        return f"""
            with stripped as (
                select line, {without_end("text")} as text, reason
                from piece
                where not {is_blank("text")}
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
                    when len(fields) = {count} then json_object({values})::varchar else text
                end as text,
                case
                    when reason is not null then reason
                    when fields is null
                        then 'has a quote that is not closed, or that stands inside a value; '
                            || 'correct the line and load the file again'
                    when len(fields) != {count}
                        then 'has ' || len(fields) || ' values, but the header has {count}; '
                            || 'correct the line and load the file again'
                end as reason
            from parsed
        """


def _joined(rows: Sequence[Lines]) -> Lines:
    reason = next((reason for _, _, reason in rows if reason), None)
    return rows[0][0], "\n".join(text for _, text, _ in rows), reason


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
