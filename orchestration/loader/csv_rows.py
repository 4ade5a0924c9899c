"""CSV rows from lines: a quoted value may span lines, and each record is judged by itself.

Rows are split by Python's reader, in C. For a file with an unclosed quote or a comment above the
header, DuckDB's own returns fewer rows than exist, without an error (2.0.0).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loader.expressions import literal
from orchestration.loader.text import BLOCK_BYTES, MAX_LINE_BYTES, Lines, UnreadableFileError

DELIMITERS = ",;\t|"
SEPARATOR = re.compile(rf'"?sep=([{re.escape(DELIMITERS)}])"?', re.IGNORECASE)
# A longer value was never closed.
MAX_VALUE_BYTES = 8 * BLOCK_BYTES
HEADER_LINES = 100
ROWS = pa.schema(
    {
        "line": pa.int64(),
        "text": pa.string(),
        "fields": pa.list_(pa.string()),
        "reason": pa.string(),
    }
)
NOT_CLOSED = (
    "has a quote that is not closed, or that is inside a value; "
    "correct the line and load the file again"
)
OBJECT = re.compile(r"[\[{]")
# As Python prints a dictionary, or a list of texts.
LIKE_OBJECT = (
    r"list_bool_or(list_transform(fields, lambda x: "
    r"regexp_matches(x, '^(\[?\{''|\[''.*''\]$)')))"
)
NO_OBJECT = (
    "has a value that looks like an object but isn't JSON, such as {'id': 1} or ['a']; "
    "export it as JSON"
)
IS_SHIFTED = (
    "has values that are shifted by one column against the other rows; put back the "
    "value that is missing, or quote the one that holds the separator, and load the file again"
)
SHIFTED = Path(__file__).with_name("shifted.sql").read_text(encoding="utf-8")
csv.field_size_limit(2 * MAX_LINE_BYTES)


class CsvRows:
    """A CSV file: its delimiter, its column names, and its rows."""

    def __init__(self, blocks: Iterator[Lines]) -> None:
        """Read the header.

        Raises:
            UnreadableFileError: where there is none.
        """
        self._blocks = blocks
        self._first = 1  # The number of the first of these lines, which are not yet split.
        self._lines: list[str] = []
        self._reasons: list[str | None] = []
        begin = self._skip_blank()
        # Excel's own line that names the separator.
        if stated := SEPARATOR.fullmatch(self._lines[begin].strip()):
            begin = self._skip_blank(begin + 1)
        bare = re.sub(r'"(?:[^"]|"")*"', "", self._lines[begin])
        self._delimiter = stated[1] if stated else max(DELIMITERS, key=bare.count)
        reader = csv.reader(self._lines[begin : begin + HEADER_LINES], delimiter=self._delimiter)
        try:
            header = next(reader)
        except csv.Error as error:
            raise UnreadableFileError(
                f"its header can't be read ({error}); export it again"
            ) from error
        self.names: list[str] = []
        for place, name in enumerate(header, 1):
            unique = base = name.strip() or f"column_{place}"
            number = 1
            while unique in self.names:
                number += 1
                unique = f"{base}_{number}"
            self.names.append(unique)
        self._drop(begin + reader.line_num)

    def pieces(self, con: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
        """`line, text, reason` per record; `text` is JSON, or, with a reason, the original."""
        names = [literal(name) for name in self.names]
        cells = [f"nullif(fields[{place}], '')" for place in range(1, len(names) + 1)]
        # Cells with objects or lists, as in dumps of an API; most files have none.
        objects = [
            f"case when {one}[1] in ('{{', '[') and json_valid({one}) then {one}::json "
            f"else to_json({one}) end"
            for one in cells
        ]
        # The original row, except that each value is in quotes.
        quoted = "list_transform(fields, lambda x: concat('\"', replace(x, '\"', '\"\"'), '\"'))"
        as_row = f"array_to_string({quoted}, {literal(self._delimiter)})"
        is_more = True
        while is_more:
            is_more = self._more()
            is_all = not is_more or sum(map(len, self._lines)) > MAX_VALUE_BYTES
            values, unlike = cells, "false"
            if any(map(OBJECT.search, self._lines)):
                values, unlike = objects, LIKE_OBJECT
            pairs = ", ".join(f"{n}, {value}" for n, value in zip(names, values, strict=True))
            con.register("rows", self._split(is_all=is_all))
            yield con.sql(
                f"""
                select
                    line, rows.reason,
                    case when rows.reason is null then json_object({pairs})::varchar
                        else coalesce(text, {as_row}) end as text
                from (
                    select
                        line, text, fields,
                        case
                            when {unlike} then {literal(NO_OBJECT)}
                            when line in ({SHIFTED}) then {literal(IS_SHIFTED)}
                            else reason
                        end as reason
                    from rows
                ) as rows
                """
            ).to_arrow_table()
            con.unregister("rows")

    def _more(self) -> bool:
        """Add lines; False if these are the last ones."""
        size = 0
        for _, lines, reason in self._blocks:
            self._lines += [line + "\n" for line in lines]
            self._reasons += [reason] * len(lines)
            size += sum(map(len, lines))
            if size >= BLOCK_BYTES:
                return True
        return False

    def _drop(self, lines: int) -> None:
        del self._lines[:lines], self._reasons[:lines]
        self._first += lines

    def _skip_blank(self, begin: int = 0) -> int:
        while begin < len(self._lines) or (self._more() or begin < len(self._lines)):
            if not self._lines[begin].isspace():
                return begin
            begin += 1
        raise UnreadableFileError("has no header; a CSV file begins with the names of its columns")

    def _split(self, *, is_all: bool) -> pa.Table:
        """The rows in the lines. Unless these are all, the last value may continue after them."""
        rows: list[tuple[int, str | None, list[str] | None, str | None]] = []
        lines, first, width, begin = self._lines, self._first, len(self.names), 0
        has_reasons = any(self._reasons)
        while begin < len(lines):
            skipped = begin
            reader = csv.reader(islice(lines, begin, None), delimiter=self._delimiter, strict=True)
            try:
                for fields in reader:
                    end, reason = skipped + reader.line_num, None
                    if len(fields) != width:
                        reason = (
                            f"has {len(fields)} values, but the header has {width}; "
                            "correct the line and load the file again"
                        )
                    if has_reasons:
                        reason = next(filter(None, self._reasons[begin:end]), reason)
                    if reason is None:
                        rows.append((first + begin, None, fields, None))
                    elif end > begin + 1 or not lines[begin].isspace():
                        text = "".join(lines[begin:end]).rstrip("\r\n")
                        rows.append((first + begin, text, None, reason))
                    begin = end
            except csv.Error as error:
                if "unexpected end" in str(error) and not is_all:
                    break
                reason = self._reasons[begin] or NOT_CLOSED
                rows.append((first + begin, lines[begin].rstrip("\r\n"), None, reason))
                begin += 1
        self._drop(begin)
        columns = list(zip(*rows, strict=True)) or [[]] * len(ROWS)
        return pa.table(dict(zip(ROWS.names, columns, strict=True)), schema=ROWS)
