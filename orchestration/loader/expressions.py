"""SQL expressions for what a contract says: names, paths into a record, typed values."""

from __future__ import annotations

import re

from orchestration.loader.contract import STEP, Column

# Formats that count from 1970, and their units in a second.
EPOCH_FORMATS = {"epoch_s": 1, "epoch_ms": 1000}
# What most tools write; matched much faster than a regular expression.
ISO_UTC = "____-__-__T__:__:__Z"
ISO_BEGINS = r"^\d{4}-\d{1,2}-\d{1,2}"
ISO_WITHOUT_ZONE = r"\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d*)?)?)?"


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def json_steps(path: str) -> list[str]:
    """The keys and indexes of a path: `teams[0].id` has `teams`, `[0]` and `id`.

    A key with a dot is written in brackets: `annotations[pagerduty.com/service-id]`.
    """
    steps = STEP.findall(path.removeprefix("$"))
    return [index or bracketed or key for index, bracketed, key in steps]


def json_path(path: str) -> str:
    """A contract's path as a JSONPath with quoted keys, unless it begins with `$`."""
    if path.startswith("$"):
        return path
    escaped = (step.replace("\\", "\\\\").replace('"', '\\"') for step in json_steps(path))
    is_index = re.compile(r"\[(?:\d+|\*)\]").fullmatch
    return "$" + "".join(step if is_index(step) else f'."{step}"' for step in escaped)


def typed(column: Column, text: str) -> str:
    """The SQL expression that reads `text` as the column's type, null if it can't."""
    if column.data_type == "timestamp":
        return _timestamp(column, text)
    if column.data_type == "date":
        return _date(column, text)
    if column.data_type == "bigint":
        # The cast alone would round 1.5 to 2.
        value = f"try_cast({text} as bigint)"
        return f"case when {value} = try_cast({text} as double) then {value} end"
    if column.data_type == "double":
        value = f"try_cast({text} as double)"
        return f"case when isfinite({value}) then {value} end"
    if column.data_type == "boolean":
        return f"try_cast(trim({text}) as boolean)"
    return text


def _timestamp(column: Column, text: str) -> str:
    """UTC without a zone. A zone in the text is used; other text is in the column's zone."""
    zone = literal(column.timezone)
    choices = []
    for pattern in _patterns(column):
        parsed = _parsed(text, pattern)
        # A pattern with a zone gives an instant, any other a local time.
        has_zone = re.search(r"%[zZ]", pattern)
        moment = parsed if has_zone else f"timezone({zone}, {parsed})"
        choices.append(f"timezone('UTC', {moment})")
    choices += [
        f"try(make_timestamp(try_cast(try_cast({text} as double) * 1000000 / {divisor} as bigint)))"
        for name, divisor in EPOCH_FORMATS.items()
        if name in column.formats
    ]
    if not column.formats or "iso" in column.formats:
        choices.append(
            f"case when {text} like '{ISO_UTC}' then try_cast({text} as timestamp) "
            f"when regexp_full_match(trim({text}), {literal(ISO_WITHOUT_ZONE)}) "
            f"then timezone('UTC', timezone({zone}, try_cast({text} as timestamp))) "
            f"when regexp_matches(trim({text}), {literal(ISO_BEGINS)}) "
            f"then timezone('UTC', try_cast({text} as timestamptz)) end"
        )
    return _sane(f"coalesce({', '.join(choices)})", "timestamp")


def _date(column: Column, text: str) -> str:
    """The day as written: a day has no zone, so none is applied."""
    choices = [f"cast({_parsed(text, pattern)} as date)" for pattern in _patterns(column)]
    if set(EPOCH_FORMATS) & set(column.formats):
        choices.append(f"cast({_timestamp(column, text)} as date)")
    if not column.formats or "iso" in column.formats:
        is_iso = f"regexp_matches(trim({text}), {literal(ISO_BEGINS)})"
        choices.append(f"case when {is_iso} then try_cast({text} as date) end")
    return _sane(f"coalesce({', '.join(choices)})", "date")


def _parsed(text: str, pattern: str) -> str:
    day_first, month_first = both_orders(pattern)
    if day_first == month_first:
        return f"try_strptime({text}, {literal(pattern)})"
    # If no file decides, the order is that of the format.
    return (
        f"case when coalesce(_is_month_first, {pattern == month_first}) "
        f"then try_strptime({text}, {literal(month_first)}) "
        f"else try_strptime({text}, {literal(day_first)}) end"
    )


def both_orders(pattern: str) -> tuple[str, str]:
    """The pattern with the day first and with the month first, if a slash separates them."""
    return re.sub("%m/%d", "%d/%m", pattern), re.sub("%d/%m", "%m/%d", pattern)


def _patterns(column: Column) -> list[str]:
    return [f for f in column.formats if f != "iso" and f not in EPOCH_FORMATS]


def _sane(value: str, data_type: str) -> str:
    """Null outside the years 1900 to 9999: seconds read as milliseconds, %Y for a year '26'."""
    first, after = f"{data_type} '1900-01-01'", f"{data_type} '10000-01-01'"
    return f"case when {value} >= {first} and {value} < {after} then {value} end"
