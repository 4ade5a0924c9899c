"""The SQL that turns `batch` into typed rows and problems, from a contract. Pure functions.

Columns of its own begin with an underscore, which no contract's column does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestration.loader.contract import Column, Contract
from orchestration.loader.expressions import identifier, json_path, literal, typed

MAX_QUARANTINED_TEXT = 1_000_000
# A problem's text may be anything, so nothing below reads it as JSON.
BATCH = """
    select
        file_number as _file_number, line as _line, text as _text, _is_split,
        case when reason is null then text end as _record,
        reason as _reason, field as _field, value as _value
    from batch inner join landed on file_number = _number
"""
BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
NOT_AN_OBJECT = 'is JSON but not an object; a record is {"field": value, ...}'


def envelopes_sql(contract: Contract) -> str:
    """`select 1`, a row for each line of `batch` that may be an envelope: most files have none."""
    return f"select 1 from ({BATCH}) where {_may_be_envelope(contract)}"


def _may_be_envelope(contract: Contract) -> str:
    """Whether the text holds the key: much sooner seen than by parsing it.

    Only of a plain key there is but one spelling in JSON.
    """
    if not contract.records:
        return "false"
    key = re.search(r"(?:^|\.)([\w-]+)$", contract.records, re.ASCII)
    return f"contains(_record, {literal(chr(34) + key[1] + chr(34))})" if key else "true"


def records_sql(contract: Contract, *, envelopes: bool) -> str:
    """`batch` with envelopes opened and, for an `each` stream, one row per element.

    Columns: _file_number, _line, _text (the original), _record (null for a problem), _element and
    _place, counted from 0 (null without `each`), _reason, _field, _value. Only files in `landed`
    count.
    """
    sql = BATCH
    if contract.records and envelopes:
        path = literal(json_path(contract.records))
        star = literal(json_path(contract.records) + "[*]")
        # An envelope without its list is a record by itself; an empty list is no record.
        # In a file that is one envelope, the line of a record is its place in the list.
        # An envelope may be all of a file, so it is parsed once, unless its list is empty.
        sql = f"""
            with opened as (
                select *,
                    case
                        when {_may_be_envelope(contract)}
                            then cast(json_extract(_record, {star}) as varchar[])
                    end as _records
                from ({BATCH})
            ),
            marked as (
                select *,
                    case
                        when len(_records) > 0 then true
                        when _records is not null then json_type(_record, {path}) = 'ARRAY'
                    end is true as _is_envelope
                from opened
            ),
            sizes as (
                select _file_number, count(*) > 1 or bool_or(_is_split) as _has_several
                from marked group by all
            )
            select * exclude (_records, _is_envelope, _is_split) from marked where not _is_envelope
            union all
            select
                _file_number,
                case when _has_several then _line else _place end as _line,
                _record as _text, _record,
                null as _reason, null as _field, null as _value
            from (
                select
                    _file_number, _line,
                    unnest(_records) as _record,
                    generate_subscripts(_records, 1) as _place
                from marked
                where _is_envelope
            )
            inner join sizes using (_file_number)
        """
    if contract.each:
        return _elements_sql(contract, sql)
    return f"""
        select
            _file_number, _line, _text, _record, null::varchar as _element, null as _place,
            _reason, _field, _value
        from ({sql})
    """


def _elements_sql(contract: Contract, records: str) -> str:
    """One row per element of the first of the paths `each` that holds something.

    A path that ends in `.*` is a mapping, whose elements are `{"key": ..., "value": ...}`.
    """
    stated = [contract.each] if isinstance(contract.each, str) else list(contract.each or ())
    paths = [path.removesuffix(".*") for path in stated]
    wanted, name = ("ARRAY", "list") if paths == stated else ("OBJECT", "mapping")
    held = [f"nullif(json_extract(_record, {literal(json_path(p))}), 'null')" for p in paths]
    found = f"coalesce({', '.join([*held, 'null'])})"
    reason = literal(f"{' or '.join(paths)} is not a {name}; correct the record and load it again")
    elements = (
        "cast(json_extract(_found, '$[*]') as varchar[])"
        if wanted == "ARRAY"
        else """
            list_transform(
                map_entries(cast(_found as map(varchar, json))), lambda x: to_json(x)::varchar
            )
        """
    )
    # What is wrong with the record itself is told once, by the stream of whole records.
    return f"""
        select
            _file_number, _line, _text, _record, unnest(_elements) as _element,
            generate_subscripts(_elements, 1) - 1 as _place,
            case when _kind not in ('{wanted}', 'NULL') then {reason} end as _reason,
            case when _kind not in ('{wanted}', 'NULL') then {literal(paths[0])} end as _field,
            null::varchar as _value
        from (
            select
                *,
                json_type(_found) as _kind,
                case
                    when json_type(_found) not in ('{wanted}', 'NULL') then [null]
                    when json_type(_found) = '{wanted}' then {elements}
                end as _elements
            from (select *, {found} as _found from ({records}) where _record is not null)
        )
    """


def project_sql(contract: Contract, *, envelopes: bool) -> str:
    """The whole statement. Its columns: _file_number, _line, _text, those of the contract,
    _reason, _field, _value.

    `_reason` is null for a good row. Otherwise it names the field, the value and the fix.
    Without envelopes nothing needs to be kept in memory on the way.
    """
    record_paths: list[str] = []
    element_paths: list[str] = []
    picks: dict[str, list[str]] = {}
    for column in contract.columns:
        picks[column.name] = []
        for path in column.paths:
            if path == "each#":
                picks[column.name].append("cast(_place as varchar)")
                continue
            of_element = path == "each" or path.startswith(("each.", "each["))
            source = "element" if of_element else "record"
            inner = json_path(path.removeprefix("each").removeprefix(".") if of_element else path)
            paths = element_paths if of_element else record_paths
            if column.capture:
                captured = _captured(f"_{source}", inner, column.capture)
                pick = _unless_missing(captured, contract.nulls)
            else:
                paths.append(inner)
                pick = _unless_missing(f"_{source}_values[{len(paths)}]", contract.nulls)
                if any(other.startswith((path + ".", path + "[")) for other in column.paths):
                    # `cmdb_ci.value` or else `cmdb_ci`: the object itself is not the value.
                    kind = f"json_type(_{source}, {literal(inner)})"
                    pick = f"case when {kind} not in ('OBJECT', 'ARRAY') then {pick} end"
            picks[column.name].append(pick)

    kept = "_file_number, _line, _text, _record, _reason, _field, _value"
    texts = [
        f"coalesce({', '.join([*picks[c.name], 'null'])}) as {_text_of(c)}"
        for c in contract.columns
    ]
    values = [f"{typed(c, _text_of(c))} as {identifier(c.name)}" for c in contract.columns]
    return f"""
        with records as ({records_sql(contract, envelopes=envelopes)}),
        extracted as (
            select {kept}, _element, _place,
                {_values("_record", record_paths)} as _record_values,
                {_values("_element", element_paths)} as _element_values
            from records
        ),
        texts as (select {kept}, {", ".join(texts)} from extracted),
        typed as (select *, {", ".join(values)} from texts),
        judged as (
            select
                * exclude (_reason, _field, _value),
                case
                    when _reason is not null
                        then {{'reason': _reason, 'field': _field, 'value': _value}}
                    when not starts_with(ltrim(_record, {BLANKS}), '{{')
                        then {_problem(None, "_text", NOT_AN_OBJECT)}
                    {_problem_cases(contract)}
                end as _problem
            from typed
        )
        select
            _file_number, _line, _text,
            {", ".join(identifier(c.name) for c in contract.columns)},
            _problem.reason as _reason, _problem.field as _field, _problem.value as _value
        from judged
    """


def _text_of(column: Column) -> str:
    return identifier("text of " + column.name)


def _captured(source: str, path: str, pattern: str) -> str:
    values = f"json_extract_string({source}, {literal(path)})"
    if not path.endswith("[*]"):
        values = f"[{values}]"
    matching = f"list_filter({values}, lambda x: regexp_matches(x, {literal(pattern)}))"
    return f"regexp_extract({matching}[1], {literal(pattern)}, 1)"


def _values(text: str, paths: Sequence[str]) -> str:
    if not paths:
        return "cast([] as varchar[])"
    return f"json_extract_string({text}, [{', '.join(literal(path) for path in paths)}])"


def _unless_missing(value: str, nulls: Sequence[str]) -> str:
    if not nulls:
        return value
    listed = ", ".join(literal(null) for null in nulls)
    return f"case when trim({value}) not in ({listed}) then {value} end"


def _problem_cases(contract: Contract) -> str:
    cases = []
    for column in contract.columns:
        text = _text_of(column)
        if column.required:
            path = " or ".join(column.paths)
            reason = f"{column.name} is missing (looked in {path}); a record needs it"
            cases.append(f"when {text} is null then {_problem(column.name, 'null', reason)}")
    for column in contract.columns:
        text = _text_of(column)
        if column.data_type != "varchar" and not column.lenient:
            expected = f" as {' or '.join(column.formats)}" if column.formats else ""
            setting = "format" if column.data_type in ("timestamp", "date") else "type"
            reason = (
                f"{column.name} is not a {column.data_type}{expected}; correct the value, "
                f"or its {setting} in {contract.defined_in}"
            )
            condition = f"{text} is not null and {identifier(column.name)} is null"
            cases.append(f"when {condition} then {_problem(column.name, text, reason)}")
    for rule in contract.rules:
        value = f"cast({identifier(rule.column)} as varchar)" if rule.column else "null"
        cases.append(f"when not ({rule.check}) then {_problem(rule.column, value, rule.reason)}")
    return "\n".join(cases)


def _problem(field: str | None, value: str, reason: str) -> str:
    name = literal(field) if field else "null"
    return f"{{'reason': {literal(reason)}, 'field': {name}, 'value': left({value}, 200)}}"
