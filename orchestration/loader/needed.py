"""Files without anything that a contract needs: another tool's, renamed, or cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb

from orchestration.loader.contract import Contract
from orchestration.loader.expressions import identifier, json_steps
from orchestration.loader.kinds import looks_like
from orchestration.loader.pending import REPLACED
from orchestration.warehouse import Session

# One or two that ended without an end time, among others that have one, may be so at the source.
FEW = 2


class _Need(NamedTuple):
    """Columns of which one is enough, and which records need one, as SQL: all if empty."""

    columns: tuple[str, ...]
    of: str = ""

    @property
    def is_filled(self) -> str:
        return " or ".join(f"{identifier(one)} is not null" for one in self.columns)


@dataclass
class _Found:
    """What a file had of it: how many usable records need it, and the names in all records."""

    is_filled: bool = False
    usable: int = 0
    keys: set[str] = field(default_factory=set)


class Needed:
    """What files so far had of the columns that their contracts expect or require."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str, _Need], _Found] = {}
        self._contracts: dict[str, Contract] = {}

    def note(self, con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
        """Take account of the records in `judged`."""
        needs = [_Need(group) for group in contract.expected]
        needs += [_Need((one.name,)) for one in contract.columns if one.required]
        needs += [_Need(contract.end, contract.ended)] if contract.end else []
        if contract.reader or contract.each or not needs:
            return
        self._contracts[contract.name] = contract
        flags = ", ".join(
            f"coalesce(bool_or(({one.of or 'true'}) and ({one.is_filled})), false), "
            f"count(*) filter (_reason is null and ({one.of or 'true'}))"
            for one in needs
        )
        rows = con.execute(f"select _number, {flags} from judged group by all").fetchall()
        for number, *flat in rows:
            keys: set[str] = set()
            if not all(flat[::2]):
                found = con.execute(
                    "select distinct unnest(try(json_keys(_payload))) from (select * from judged "
                    "where _number = ? and json_valid(_payload) limit 1000)",
                    [number],
                ).fetchall()
                keys = {key for (key,) in found}
            for need, is_filled, usable in zip(needs, flat[::2], flat[1::2], strict=True):
                one = self._found.setdefault((number, contract.name, need), _Found())
                one.is_filled |= is_filled
                one.usable += usable
                one.keys |= keys

    def wrong_files(self, session: Session) -> Iterator[tuple[int, str, bool]]:
        """The number of each such file, what is wrong, and whether nothing of it may be used.

        If the names exist without values, it may be used, with a note, if another file of its
        stream, now or earlier, has values there.
        """
        filled = {(name, need) for (_, name, need), one in self._found.items() if one.is_filled}
        for (number, name, need), one in self._found.items():
            contract = self._contracts[name]
            if one.is_filled or not one.keys:
                continue
            columns = [column for column in contract.columns if column.name in need.columns]
            paths = [path for column in columns for path in column.paths]
            has_names = bool(one.keys.intersection(json_steps(path)[0] for path in paths))
            if has_names and (
                columns[0].required or (need.columns == contract.end and not need.of)
            ):
                continue  # Each record is reported by itself; nothing may have ended yet.
            if (has_names or need.of) and not one.usable:
                continue
            is_mild = has_names or (need.of and one.usable <= FEW)
            is_mild = bool(
                is_mild and ((name, need) in filled or _is_stored(session, contract, need))
            )
            if is_mild:
                filled.add((name, need))
                if one.usable <= FEW:
                    continue
            setting = next((c.variable for c in columns if c.variable), contract.defined_in)
            which = " that ended" if need.of else ""
            empty = ", empty in all" if has_names else ""
            yield (
                number,
                f"none of its records{which} has {' or '.join(need.columns)} (looked in "
                f"{', '.join(paths)}{empty}; they have {', '.join(sorted(one.keys)[:20])}); "
                f"{looks_like(one.keys, name)}export it, or name its place in {setting}",
                not is_mild,
            )


def _is_stored(session: Session, contract: Contract, need: _Need) -> bool:
    """Whether a record that was loaded earlier, and isn't read again now, has it."""
    table = f"raw.{session.name(contract.table)}"
    loads = f"select distinct _load_id from {table} where {need.is_filled}"
    session.keep("filled", "_load_id varchar", loads)
    left = f"select 1 from filled where _load_id not in ({REPLACED}) limit 1"
    return bool(session.con.execute(left).fetchall())
