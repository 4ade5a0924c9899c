"""Serve the emulator on loopback, mended where it is not as Snowflake is: `serve.py PORT`.

Run in .venv-emulator. Each mend says what Snowflake does; nothing of paydown is changed for the
emulator. They are for fakesnow 0.12.1.
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fakesnow.arrow  # ty: ignore[import-not-found]
import fakesnow.copy_into as copy  # ty: ignore[import-not-found]
import fakesnow.cursor  # ty: ignore[import-not-found]
import fakesnow.info_schema  # ty: ignore[import-not-found]
import fakesnow.server  # ty: ignore[import-not-found]
import fakesnow.transforms  # ty: ignore[import-not-found]
import pyarrow as pa
import snowflake.connector.errors  # ty: ignore[import-not-found]
import uvicorn
from fakesnow.dialect import parse  # ty: ignore[import-not-found]
from fakesnow.transforms import stage  # ty: ignore[import-not-found]
from sqlglot import Expr, exp

Cursor = fakesnow.cursor.FakeSnowflakeCursor
DONE = "select 'done' as status"
CHANGES = {"ALTER", "COPY", "CREATE", "DELETE", "DROP", "INSERT", "MERGE", "TRUNCATE", "UPDATE"}
COLUMN_COMMENT = re.compile(r'alter\s+(table|view)\s+\S+\s+alter\s+"\w+"\s+comment', re.IGNORECASE)
TEMPORARY = re.compile(r"(create or replace\s+)temporary\s+(view|table)", re.IGNORECASE)
really_execute = Cursor.execute
really_commented = fakesnow.info_schema.insert_table_comment_sql
really_parameters = copy._params
really_urls = copy._source_urls
really_struct = fakesnow.arrow.timestamp_to_sf_struct
last_altered = datetime.now(UTC)


def rewritten(command: str) -> str:
    """The statement in words that the emulator reads."""
    command = command.strip()
    verb = command.split(None, 1)[0].upper()
    if verb == "PUT":  # The stage may be a text, and commas may part options.
        return re.sub(r" '(@.*)' ", r" \1 ", command).replace(", AUTO_", " AUTO_")
    if verb == "COPY":  # The same.
        command = re.sub(r", (\w+ =)", r" \1", command)
        return re.sub(r"(MATCH_BY_COLUMN_NAME)='(\w+)'", r"\1 = \2", command)
    # Comments are of no use here; files are removed by `execute`.
    if verb == "REMOVE" or COLUMN_COMMENT.match(command):
        return DONE
    if "information_schema.tables" in command.lower():  # It would be 1970.
        command = command.replace("last_altered", f"cast('{last_altered:%F %T.%f}' as timestamp)")
    # dbt finds temporary relations in the schema that it names, and drops them afterwards.
    return TEMPORARY.sub(r"\1\2", command)


def execute(self: Any, command: str, *args: Any, **kwargs: Any) -> Any:
    """Several statements at a time, as dlt sends them; and every error is the statement's, since
    clients ask again for ever after a status of 500."""
    global last_altered
    try:
        if command.startswith("REMOVE"):
            remove(self._conn, command.split("'")[1])
        statements = [one for one in parse(rewritten(command)) if one] if ";" in command else []
        if len(statements) > 1:
            for one in statements:
                really_execute(self, one.sql(dialect="snowflake"), *args, **kwargs)
        else:
            really_execute(self, rewritten(command), *args, **kwargs)
    except snowflake.connector.errors.Error:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise snowflake.connector.errors.ProgrammingError(
            msg=text, errno=2043, sqlstate="42601"
        ) from error
    if command.split(None, 1)[0].upper() in CHANGES:
        last_altered = datetime.now(UTC)
    return self


def remove(connection: Any, file: str) -> None:
    """Remove a file from a stage."""
    name, _, path = file.removeprefix("@").partition("/")
    parts = stage.parts_from_var(name, connection.database, connection.schema)
    Path(stage.internal_dir(".".join(parts)), path).unlink()


def parse_last(command: str) -> Expr:
    """The last statement, without its comments: sqlglot writes some into an aggregate's middle."""
    found = [one for one in parse(rewritten(command)) if one][-1]
    for node in found.walk():
        node.comments = None
    return found


def commented(catalog: str, schema: str, table: str, comment: str | None) -> str:
    """A comment may have quotes, or be none."""
    return really_commented(catalog, schema, table, (comment or "").replace("'", "''"))


def timestamp_struct(timestamps: pa.ChunkedArray) -> pa.Array:
    """A null timestamp is null, and not 1970."""
    made = really_struct(timestamps)
    is_null = timestamps.is_null()
    if isinstance(is_null, pa.ChunkedArray):
        is_null = is_null.combine_chunks()
    children = [made.field(n).fill_null(0) for n in range(made.type.num_fields)]
    return pa.StructArray.from_arrays(children, fields=list(made.type), mask=is_null)


def source_urls(source: str, files: list[str]) -> list[str]:
    """FILES may be those of a stage of the account's own."""
    if stage.is_internal(source):
        return [source + file for file in files]
    return really_urls(source, files)


def copy_parameters(*args: Any, **kwargs: Any) -> Any:
    """JSON is matched by name as Parquet is: so dlt loads its state."""
    found = really_parameters(*args, **kwargs)
    if isinstance(found.file_format, copy.ReadJSON):
        found.file_format = copy.ReadParquet()
    return found


def read_expression(self: Any, url: str) -> Expr:
    return exp.func("read_json" if ".jsonl" in url else "read_parquet", self.file_literal(url))


Cursor.execute = execute
fakesnow.cursor.parse_one = fakesnow.server.parse_one = parse_last
fakesnow.info_schema.insert_table_comment_sql = commented
fakesnow.arrow.timestamp_to_sf_struct = timestamp_struct
copy._source_urls = source_urls
copy._params = copy_parameters
copy.ReadParquet.read_expression = read_expression
# A sum of whole numbers is a whole number, not a sum of doubles.
fakesnow.transforms.numeric_agg_implicit_cast = lambda expression: expression

if __name__ == "__main__":
    if sys.argv[2:]:  # Where to keep the database, to look at it later.
        fakesnow.server.shared_fs.db_path = Path(sys.argv[2])
    uvicorn.run(fakesnow.server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
