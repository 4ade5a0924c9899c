"""The SQL that turns `batch` into typed rows and problems, from a contract. Pure functions.

Columns of its own begin with an underscore, which no contract's column does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestration.loader.contract import Column, Contract
from orchestration.loader.expressions import both_orders, identifier, json_path, literal, typed

MAX_QUARANTINED_TEXT = 1_000_000
BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
NOT_AN_OBJECT = 'is JSON but not an object; a record is {"field": value, ...}'


def _batch(contract: Contract) -> str:
    """The records of the contract's files. A problem's text may be anything, so it is never read as
    JSON.
    """
    order = f"{contract.dates == 'month_first'}" if contract.dates else "landed.is_month_first"
    return f"""
        select
            _number, line as _line, text as _text,
            case when reason is null then text end as _record,
            reason as _reason, field as _field, value as _value, is_split as _is_split,
            {order} as _is_month_first
        from batch inner join landed using (_number)
        where landed.name = {literal(contract.name)} and landed.status = 'loaded'
    """


def envelopes_sql(contract: Contract) -> str:
    """Rows if `batch` may have an envelope; most files have none."""
    return f"select 1 from ({_batch(contract)}) where {_may_be_envelope(contract)} limit 1"


def _may_be_envelope(contract: Contract) -> str:
    """Whether the text has the key: much faster than parsing it.

    Only a plain key has a single spelling in JSON.
    """
    if not contract.records:
        return "false"
    key = re.search(r"(?:^|\.)([\w-]+)$", contract.records, re.ASCII)
    return f"contains(_record, {literal(chr(34) + key[1] + chr(34))})" if key else "true"


def _records(contract: Contract, *, envelopes: bool) -> str:
    """`batch` with envelopes opened and, for an `each` stream, one row per element.

    Columns: _number, _line, _text (the original), _record (null for a problem), _element and
    _place, counted from 0 (null without `each`), _reason, _field, _value.
    """
    sql = _batch(contract)
    if contract.records and envelopes:
        path = json_path(contract.records)
        # An envelope without its list is a record by itself; an empty list is no record. In a file
        # that is one envelope, the line of a record is its index in the list. An envelope may be
        # all of a file, so it is parsed once, unless its list is empty.
        sql = f"""
            with opened as (
                select *,
                    case
                        when {_may_be_envelope(contract)}
                            then cast(json_extract(_record, {literal(path + "[*]")}) as varchar[])
                    end as _records
                from ({sql})
            ),
            marked as (
                select *,
                    case
                        when len(_records) > 0 then true
                        when _records is not null
                            then json_type(_record, {literal(path)}) = 'ARRAY'
                    end is true as _is_envelope,
                    count(*) over (partition by _number) > 1 or _is_split as _has_several
                from opened
            )
            select * exclude (_records, _is_envelope, _has_several)
            from marked where not _is_envelope
            union all by name
            select
                _number, case when _has_several then _line else _place end as _line,
                _record as _text, _record, _is_split, _is_month_first
            from (
                select
                    _number, _line, _has_several, _is_split, _is_month_first,
                    unnest(_records) as _record, generate_subscripts(_records, 1) as _place
                from marked where _is_envelope
            )
        """
    if contract.each:
        return _elements(contract, sql)
    return f"select *, null::varchar as _element, null as _place from ({sql})"


def _elements(contract: Contract, records: str) -> str:
    """One row per element of the first of the paths `each` that has a value.

    A path that ends in `.*` is a mapping, whose elements are `{"key": ..., "value": ...}`.
    """
    paths = [path.removesuffix(".*") for path in contract.each]
    is_list = paths == list(contract.each)
    held = [f"nullif(json_extract(_record, {literal(json_path(p))}), 'null')" for p in paths]
    elements = (
        "cast(json_extract(_found, '$[*]') as varchar[])"
        if is_list
        else "list_transform(map_entries(cast(_found as map(varchar, json))), "
        "lambda x: to_json(x)::varchar)"
    )
    kind = "list" if is_list else "mapping"
    reason = f"{' or '.join(paths)} is not a {kind}; correct the record and load it again"
    # Problems of the record itself are reported once, by the stream of complete records.
    return f"""
        select
            _number, _line, _text, _record, unnest(_elements) as _element,
            generate_subscripts(_elements, 1) - 1 as _place,
            case when _is_other then {literal(reason)} end as _reason,
            case when _is_other then {literal(paths[0])} end as _field,
            null::varchar as _value, _is_month_first
        from (
            select
                *,
                json_type(_found) not in ('{"ARRAY" if is_list else "OBJECT"}', 'NULL')
                    as _is_other,
                case
                    when _is_other then [null]
                    when json_type(_found) <> 'NULL' then {elements}
                end as _elements
            from (
                select *, coalesce({", ".join(held)}, null) as _found
                from ({records}) where _record is not null
            )
        )
    """


def project_sql(contract: Contract, *, envelopes: bool) -> str:
    """The complete statement. Its columns: _number, _line, those of the contract, _payload,
    _reason, _field, _value.

    `_reason` is null for a good row. Otherwise it names the field, the value and the fix. Without
    envelopes the statement streams.
    """
    values = [f"{typed(c, _text_of(c))} as {identifier(c.name)}" for c in contract.columns]
    return f"""
        with typed as (
            select *, {", ".join(values)} from ({_texts(contract, envelopes=envelopes)})
        ),
        judged as (
            select
                * exclude (_reason, _field, _value),
                case
                    when _reason is not null
                        then {{'reason': _reason, 'field': _field, 'value': _value}}
                    when not starts_with(_record, '{{')
                        and not starts_with(ltrim(_record, {BLANKS}), '{{')
                        then {_problem(None, "_text", NOT_AN_OBJECT)}
                    {_problem_cases(contract)}
                end as _problem
            from typed
        )
        select
            _number, _line, {", ".join(identifier(c.name) for c in contract.columns)},
            case when _problem is null then _text else left(_text, {MAX_QUARANTINED_TEXT}) end
                as _payload,
            _problem.reason as _reason, _problem.field as _field, _problem.value as _value
        from judged
    """


def _texts(contract: Contract, *, envelopes: bool) -> str:
    """The records' values in each column, as text."""
    of: dict[str, list[str]] = {"_record": [], "_element": []}
    texts = []
    for column in contract.columns:
        picks = [_pick(contract, column, path, of) for path in column.paths]
        texts.append(f"coalesce({', '.join([*picks, 'null'])}) as {_text_of(column)}")
    kept = "_number, _line, _text, _record, _reason, _field, _value, _is_month_first"
    return f"""
        select {kept}, {", ".join(texts)}
        from (
            select {kept}, _element, _place,
                {", ".join(f"{_values(one, paths)} as {one}_values" for one, paths in of.items())}
            from ({_records(contract, envelopes=envelopes)})
        )
    """


def date_orders_sql(contract: Contract, *, envelopes: bool) -> str | None:
    """By `_number`: whether all dates fit with the day first, whether all fit with the month
    first, and one of them. None for a contract that leaves no choice.
    """
    dates = [
        f"{{'day': try_strptime({_text_of(column)}, {literal(day_first)}) is not null, "
        f"'month': try_strptime({_text_of(column)}, {literal(month_first)}) is not null, "
        f"'text': {_text_of(column)}}}"
        for column in contract.columns
        for day_first, month_first in map(both_orders, column.formats)
        if day_first != month_first
    ]
    if contract.dates or not dates:
        return None
    return f"""
        select _number, bool_and(date.day), bool_and(date.month), min(date.text)
        from (
            select _number, unnest([{", ".join(dates)}]) as date
            from ({_texts(contract, envelopes=envelopes)})
        )
        where date.day or date.month
        group by _number
    """


def _pick(contract: Contract, column: Column, path: str, of: dict[str, list[str]]) -> str:
    """The text at a path, null if it is empty; paths to be extracted are added to `of`."""
    if path == "each#":
        return "cast(_place as varchar)"
    source = "_record"
    inner = json_path(path)
    if path == "each" or path.startswith(("each.", "each[")):
        source, inner = "_element", json_path(path.removeprefix("each").removeprefix("."))
    if column.capture:
        values = f"json_extract_string({source}, {literal(inner)})"
        pattern = literal(column.capture)
        values = values if inner.endswith("[*]") else f"[{values}]"
        first = f"list_filter({values}, lambda x: regexp_matches(x, {pattern}))[1]"
        value = f"regexp_extract({first}, {pattern}, 1)"
    else:
        of[source].append(inner)
        value = f"{source}_values[{len(of[source])}]"
    pick = value
    if contract.nulls:
        nulls = ", ".join(literal(null) for null in contract.nulls)
        pick = f"case when trim({value}) not in ({nulls}) then {value} end"
    if any(other.startswith((path + ".", path + "[")) for other in column.paths):
        # `cmdb_ci.value` or else `cmdb_ci`: the object itself isn't the value.
        kind = f"json_type({source}, {literal(inner)})"
        pick = f"case when {kind} not in ('OBJECT', 'ARRAY') then {pick} end"
    return pick


def _text_of(column: Column) -> str:
    return identifier("text of " + column.name)


def _values(text: str, paths: Sequence[str]) -> str:
    if not paths:
        return "cast([] as varchar[])"
    return f"json_extract_string({text}, [{', '.join(literal(path) for path in paths)}])"


def _problem_cases(contract: Contract) -> str:
    missing, unread = [], []
    for column in contract.columns:
        text = _text_of(column)
        if column.required:
            path = " or ".join(column.paths)
            reason = f"{column.name} is missing (looked in {path}); a record needs it"
            missing.append(f"when {text} is null then {_problem(column.name, 'null', reason)}")
        if column.data_type != "varchar" and not column.lenient:
            expected = f" as {' or '.join(column.formats)}" if column.formats else ""
            setting = "format" if column.data_type in ("timestamp", "date") else "type"
            reason = (
                f"{column.name} is not a {column.data_type}{expected}; correct the value, "
                f"or its {setting} in {contract.defined_in}"
            )
            condition = f"{text} is not null and {identifier(column.name)} is null"
            unread.append(f"when {condition} then {_problem(column.name, text, reason)}")
    for rule in contract.rules:
        value = f"cast({identifier(rule.column)} as varchar)" if rule.column else "null"
        unread.append(f"when not ({rule.check}) then {_problem(rule.column, value, rule.reason)}")
    return "\n".join(missing + unread)


def _problem(field: str | None, value: str, reason: str) -> str:
    name = literal(field) if field else "null"
    return f"{{'reason': {literal(reason)}, 'field': {name}, 'value': left({value}, 200)}}"
