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

import pyarrow as pa

from orchestration.loader.expressions import literal
from orchestration.loader.files import UnreadableFileError
from orchestration.loader.lines import TEXTS, Block, is_blank, judged_lines, without_end

DELIMITERS = ",;\t|"
HEADER_LINES = 100
INSIDE = '[^"]*+(?:""[^"]*+)*+'
QUOTED = f'"{INSIDE}"'


class CsvRows:
    """A CSV file: its delimiter, its column names, and its rows as Arrow tables."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        """Read the header.

        Raises:
            UnreadableFileError: where there is none.
        """
        first = list(islice(blocks, 1))
        lines = first[0].text.split("\n", HEADER_LINES)[:HEADER_LINES] if first else []
        blank = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
        if blank == len(lines):
            raise UnreadableFileError(
                "has no header; a CSV file begins with the names of its columns"
            )
        bare = re.sub(QUOTED, "", lines[blank])
        self.delimiter = max(DELIMITERS, key=bare.count)
        lines = [line.rstrip("\r") + "\n" for line in lines[blank:]]
        reader = csv.reader(lines, delimiter=self.delimiter)
        try:
            self.names = list(_unique(next(reader)))
        except csv.Error as error:
            raise UnreadableFileError(
                f"its header can't be read ({error}); export it again"
            ) from error
        self._header_line = blank + reader.line_num
        self._blocks = chain(first, blocks)

    def rows(self) -> Iterator[pa.Table]:
        """What follows the header, with the columns of `TEXTS`: lines that one quoted value spans
        are one row. A value that is never closed spans nothing, its lines are rows of their own.
        """
        split = re.escape(self.delimiter)
        field = f'(?:{QUOTED}|[^"{split}][^{split}]*+|)'
        opens = re.compile(f'(?:{field}{split})*+"{INSIDE}').fullmatch
        closes = re.compile(f'{INSIDE}"(?:{split}{field})*+').fullmatch
        stays = re.compile(f'{INSIDE}(?:"(?:{split}{field})*{split}"{INSIDE})?').fullmatch
        start, spanned = 0, []  # Lines of a value whose end is still to come.
        mark, has_nul = None, False  # Of the block, or of one that the value began in.
        for block in self._blocks:
            texts = block.text.split("\n")
            if not spanned:
                mark, has_nul = block.mark, block.has_nul
            elif block.mark:
                mark = mark or block.mark
                texts = block.text.replace(block.mark, mark).split("\n")
            has_nul = has_nul or block.has_nul
            numbers: list[int] = []
            rows: list[str] = []
            for number, text in enumerate(texts, block.line):
                if number <= self._header_line:
                    continue
                if '"' in text or block.is_cut:
                    bare = text.rstrip("\r")
                    if spanned and closes(bare) and not block.is_cut:
                        numbers.append(start)
                        rows.append("\n".join([*spanned, text]))
                        spanned = []
                        continue
                    if spanned and (block.is_cut or not stays(bare)):
                        numbers += range(start, start + len(spanned))
                        rows += spanned
                        spanned = []
                    if not spanned and not block.is_cut and opens(bare):
                        start, spanned = number, [text]
                        continue
                if spanned:
                    spanned.append(text)
                else:
                    numbers.append(number)
                    rows.append(text)
            yield _table(numbers, rows, mark, block.is_cut, has_nul)
        yield _table(range(start, start + len(spanned)), spanned, mark, False, has_nul)

    def sql(self, texts: str) -> str:
        """`line, text, reason`, a record each, from SQL that gives the columns of `TEXTS`;
        `text` is JSON, or, with a reason, as it was.
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
                from ({judged_lines(texts)})
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


def _table(
    numbers: Sequence[int], rows: list[str], mark: str | None, is_cut: bool, has_nul: bool
) -> pa.Table:
    count = len(rows)
    columns = [numbers, rows, [mark] * count, [is_cut] * count, [has_nul] * count]
    return pa.table(dict(zip(TEXTS.names, columns, strict=True)), schema=TEXTS)


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
