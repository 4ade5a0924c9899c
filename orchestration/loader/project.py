"""The SQL that turns `batch` into typed rows and problems, from a contract. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestration.loader.contract import Column, Contract

MAX_QUARANTINED_TEXT = 1_000_000
ISO_WITH_ZONE = r"(Z|z|[+-]\d{2}(:?\d{2})?)$"
NOT_AN_OBJECT = 'is JSON but not an object; a record is {"field": value, ...}'
EPOCH_DIVISORS = {"epoch_s": 1, "epoch_ms": 1000}


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def json_path(path: str) -> str:
    """`service.summary` or `teams[0].id` as a JSONPath with quoted keys; `$...` stays as it is.

    A key that holds a dot is written in brackets: `annotations[pagerduty.com/service-id]`.
    """
    if path.startswith("$"):
        return path
    steps = re.findall(r"\[(\d+|\*)\]|\[([^\]]+)\]|([^.\[\]]+)", path)
    quoted = (
        f"[{index}]" if index else f'."{bracketed or key}"' for index, bracketed, key in steps
    )
    return "$" + "".join(quoted)


def typed(column: Column, text: str) -> str:
    """The SQL expression that reads `text` as the column's type, null where it can't."""
    if column.data_type == "varchar":
        return text
    if column.data_type == "timestamp":
        return _timestamp(column, text)
    if column.data_type == "date":
        return f"cast({_timestamp(column, text)} as date)"
    return f"try_cast({text} as {column.data_type})"


def _timestamp(column: Column, text: str) -> str:
    """UTC without a zone. Text that carries a zone keeps it; other text is in the column's."""
    zone = literal(column.timezone)
    choices = []
    patterns = [f for f in column.formats if f not in EPOCH_DIVISORS]
    if patterns:
        listed = ", ".join(literal(pattern) for pattern in patterns)
        local = f"try_strptime({text}, [{listed}])"
        choices.append(f"timezone('UTC', timezone({zone}, {local}))")
    choices += [
        f"make_timestamp(cast(try_cast({text} as double) * 1000000 / {divisor} as bigint))"
        for name, divisor in EPOCH_DIVISORS.items()
        if name in column.formats
    ]
    if not patterns or "iso" in patterns:
        choices.append(
            f"case when regexp_matches({text}, {literal(ISO_WITH_ZONE)}) and length({text}) > 10 "
            f"then timezone('UTC', try_cast({text} as timestamptz)) "
            f"else timezone('UTC', timezone({zone}, try_cast({text} as timestamp))) end"
        )
    return f"coalesce({', '.join(choices)})"


def records_sql(contract: Contract) -> str:
    """`batch` with envelopes opened and, for an `each` stream, one row per element.

    Columns: file_number, line, text (the original), record (null for a problem), element (null
    without `each`), reason, field, value. Only files in `landed` count.
    """
    # A problem's text may be anything, so nothing below reads it as JSON.
    sql = """
        select file_number, line, text, case when reason is null then text end as record,
            reason, field, value
        from batch semi join landed using (file_number)
    """
    if contract.records:
        path = literal(json_path(contract.records))
        star = literal(json_path(contract.records) + "[*]")
        # An envelope without its list is a record by itself; an empty list is no record.
        # In a file that is one envelope, the line of a record is its place in the list.
        sql = f"""
            select
                file_number,
                case when documents > 1 then line else place end as line,
                coalesce(record, text) as text, record, reason, field, value
            from (
                select
                    file_number, line, text, reason, field, value, documents,
                    unnest(opened) as record,
                    generate_subscripts(opened, 1) as place
                from (
                    select
                        file_number, line, text, reason, field, value,
                        count(*) over (partition by file_number) as documents,
                        case
                            when json_type(record, {path}) = 'ARRAY'
                                then cast(json_extract(record, {star}) as varchar[])
                            else [record]
                        end as opened
                    from ({sql})
                )
            )
        """
    if contract.each:
        star = literal(json_path(contract.each) + "[*]")
        # What is wrong with the record itself is told once, by the stream of whole records.
        return f"""
            select file_number, line, text, record,
                unnest(cast(json_extract(record, {star}) as varchar[])) as element,
                reason, field, value
            from ({sql})
            where record is not null
        """
    return f"""
        select file_number, line, text, record, null::varchar as element, reason, field, value
        from ({sql})
    """


def project_sql(contract: Contract) -> str:
    """The whole statement: `select file_number, line, text, <columns>, reason, field, value`.

    `reason` is null for a good row. Otherwise it names the field, the value and the fix.
    """
    record_paths, element_paths = [], []
    picks: dict[str, list[str]] = {}
    for column in contract.columns:
        picks[column.name] = []
        for path in column.paths:
            if column.capture:
                pick = _captured(path, column.capture)
            elif path == "each" or path.startswith("each."):
                element_paths.append(json_path("$" if path == "each" else path[5:]))
                pick = f"element_values[{len(element_paths)}]"
            else:
                record_paths.append(json_path(path))
                pick = f"record_values[{len(record_paths)}]"
                if any(other.startswith(path + ".") for other in column.paths):
                    # `cmdb_ci.value` or else `cmdb_ci`: the object itself is not the value.
                    kind = f"json_type(record, {literal(json_path(path))})"
                    pick = f"case when {kind} not in ('OBJECT', 'ARRAY') then {pick} end"
            picks[column.name].append(pick)

    texts = [
        f"coalesce({', '.join([*picks[c.name], 'null'])}) as {identifier('text of ' + c.name)}"
        for c in contract.columns
    ]
    values = [
        f"{typed(c, identifier('text of ' + c.name))} as {identifier(c.name)}"
        for c in contract.columns
    ]
    return f"""
        with records as ({records_sql(contract)}),
        extracted as (
            select file_number, line, text, record, reason, field, value,
                {_values("record", record_paths, contract.nulls)} as record_values,
                {_values("element", element_paths, contract.nulls)} as element_values
            from records
        ),
        texts as (
            select file_number, line, text, record, reason, field, value, {", ".join(texts)}
            from extracted
        ),
        typed as (
            select texts.*, {", ".join(values)} from texts
        ),
        judged as (
            select
                typed.* exclude (reason, field, value),
                case
                    when reason is not null
                        then {{'reason': reason, 'field': field, 'value': value}}
                    when json_type(record) != 'OBJECT' then {_problem(None, "text", NOT_AN_OBJECT)}
                    {_problem_cases(contract)}
                end as problem
            from typed
        )
        select
            file_number, line, text,
            {", ".join(identifier(c.name) for c in contract.columns)},
            problem.reason as reason, problem.field as field, problem.value as value
        from judged
    """


def _captured(path: str, pattern: str) -> str:
    values = f"json_extract_string(record, {literal(json_path(path))})"
    if not path.endswith("[*]"):
        values = f"[{values}]"
    matching = f"list_filter({values}, lambda x: regexp_matches(x, {literal(pattern)}))"
    return f"regexp_extract({matching}[1], {literal(pattern)}, 1)"


def _values(text: str, paths: Sequence[str], nulls: Sequence[str]) -> str:
    if not paths:
        return "cast([] as varchar[])"
    listed = ", ".join(literal(path) for path in paths)
    missing = ", ".join(literal(null) for null in nulls) or "null"
    extracted = f"json_extract_string({text}, [{listed}])"
    is_missing = f"trim(x) in ({missing})"
    return f"list_transform({extracted}, lambda x: case when {is_missing} then null else x end)"


def _problem_cases(contract: Contract) -> str:
    cases = []
    for column in contract.columns:
        text = identifier("text of " + column.name)
        if column.required:
            path = " or ".join(column.paths)
            reason = f"{column.name} is missing (looked in {path}); a record needs it"
            cases.append(f"when {text} is null then {_problem(column.name, 'null', reason)}")
    for column in contract.columns:
        text = identifier("text of " + column.name)
        if column.data_type != "varchar":
            expected = f" as {' or '.join(column.formats)}" if column.formats else ""
            reason = (
                f"{column.name} is not a {column.data_type}{expected}; correct the value, "
                f"or add its format in {contract.defined_in}"
            )
            condition = f"{text} is not null and {identifier(column.name)} is null"
            cases.append(f"when {condition} then {_problem(column.name, text, reason)}")
    cases += [
        f"when not ({rule.check}) then {_problem(None, 'null', rule.reason)}"
        for rule in contract.rules
    ]
    return "\n".join(cases)


def _problem(field: str | None, value: str, reason: str) -> str:
    name = literal(field) if field else "null"
    return f"{{'reason': {literal(reason)}, 'field': {name}, 'value': left({value}, 200)}}"
