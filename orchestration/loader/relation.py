"""Streams whose rows other tools bring into the warehouse: views instead of loads.

A contract that names a `relation` instead of files becomes a view with the contract's columns and
those of the bookkeeping. Paths are columns, or keys in a column of JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb

from orchestration.loader.contract import Column, Contract, ContractError
from orchestration.loader.expressions import json_steps, literal
from orchestration.loader.raw import SQL_TYPES
from orchestration.loader.report import Problem
from orchestration.warehouse import Session, WarehouseError

JSON_TYPES = ("json", "variant", "object", "array", "struct")


def create_view(session: Session, contract: Contract) -> list[Problem]:
    """Create the stream's view, and report the records that it leaves out.

    Raises:
        ContractError: the relation doesn't exist, or lacks a required column.
        WarehouseError, duckdb.Error: a value can't be read as its type.
    """
    schema, _, table = contract.relation.rpartition(".")
    known = session.columns(schema).get(table)
    if known is None:
        raise ContractError(
            f"{contract.defined_in}: source {contract.name}: relation {contract.relation} is not "
            "in the warehouse; correct its name (schema.table), or let paydown's role read it"
        )
    values = {column.name: _value(session, contract, column, known) for column in contract.columns}
    origin = {
        "_load_id": literal(contract.relation),
        "_source_file": literal(contract.relation),
        "_line": "cast(null as bigint)",
        "_loaded_at": _cast(session, contract.timezone, *_loaded_at(session, contract, known)),
        "_payload": "cast(null as varchar)",
    }
    listed = ", ".join(
        f"{value} as {session.name(name)}" for name, value in (values | origin).items()
    )
    condition = f" where {contract.where}" if contract.where else ""
    source = f"{session.name(schema)}.{session.name(table)}"
    rows = f"(select {listed} from {source} as record{condition}) as judged"
    refused = {rule.reason: f"not ({rule.check})" for rule in contract.rules}
    for column in contract.columns:
        if column.required:
            reason = f"{column.name} is missing (looked in {' or '.join(column.paths)})"
            refused[reason] = f"{session.name(column.name)} is null"
    good = " and ".join(f"({check}) is not true" for check in refused.values()) or "1 = 1"
    try:
        session.replace_view(contract.table, f"select * from {rows} where {good}")
    except (duckdb.Error, WarehouseError) as error:
        raise ContractError(
            f"{contract.defined_in}: source {contract.name}: {str(error).splitlines()[0]}; correct "
            f"the contract, or drop raw.{contract.table} if it still has rows from files"
        ) from error
    if not refused:
        return []
    counted = " union all ".join(
        f"select {literal(reason)} as reason, count(*) as n from {rows} where {check}"
        for reason, check in refused.items()
    )
    session.keep("refused", "reason varchar, n bigint", counted)
    found = session.con.execute("select reason, n from refused where n > 0 order by reason")
    return [
        Problem(contract.relation, None, None, None, f"{n:,} records are left out: {reason}")
        for reason, n in found.fetchall()
    ]


def _loaded_at(
    session: Session, contract: Contract, known: Mapping[str, str]
) -> tuple[str, str, str]:
    if contract.loaded_at not in known:
        raise ContractError(
            f"{contract.defined_in}: source {contract.name}: loaded_at '{contract.loaded_at}' is "
            f"no column of {contract.relation} (it has: {', '.join(known)}); name the one that "
            "says when a row came in, such as _fivetran_synced or _airbyte_extracted_at"
        )
    return f"record.{session.name(contract.loaded_at)}", known[contract.loaded_at], "timestamp"


def _value(session: Session, contract: Contract, column: Column, known: Mapping[str, str]) -> str:
    """A column's value in the relation: the first of its paths that has one."""
    found = list(_picks(session, contract, column, known))
    if not found and column.required:
        raise ContractError(
            f"{contract.defined_in}: source {contract.name}, column {column.name}: "
            f"{contract.relation} has no {' or '.join(column.paths)} (it has: "
            f"{', '.join(known)}); add its name to path"
        )
    kind = SQL_TYPES.get(column.data_type, column.data_type)
    return f"coalesce({', '.join([*found, 'null'])})" if found else f"cast(null as {kind})"


def _picks(
    session: Session, contract: Contract, column: Column, known: Mapping[str, str]
) -> Iterator[str]:
    for path in column.paths:
        first, *inner = json_steps(path)
        if first not in known:
            continue
        value, kind = f"record.{session.name(first)}", known[first]
        is_json = kind.startswith(JSON_TYPES)
        if is_json != bool(inner):
            continue  # No value: an object isn't one, and a plain value has no keys.
        if inner:
            value, kind = session.json_text(value, [one.strip("[]") for one in inner]), "varchar"
        if kind == "varchar" and contract.nulls:
            nulls = ", ".join(map(literal, contract.nulls))
            value = f"case when trim({value}) not in ({nulls}) then {value} end"
        yield _cast(session, column.timezone, value, kind, column.data_type)


def _cast(session: Session, zone: str, value: str, kind: str, wanted: str) -> str:
    if wanted == "timestamp":
        return session.utc(value, kind, literal(zone))
    return f"cast({value} as {SQL_TYPES.get(wanted, wanted)})"
