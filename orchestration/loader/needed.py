"""Files in which no record has a place for what a contract needs: another tool's, or renamed."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from orchestration.loader.contract import Contract
from orchestration.loader.expressions import identifier, json_steps
from orchestration.loader.kinds import looks_like


class Needed:
    """What files had so far of the columns that their contracts expect or require."""

    def __init__(self) -> None:
        # By file, contract and columns of which one is enough: the names that the records have, or
        # None where something was found.
        self._absent: dict[tuple[int, str, tuple[str, ...]], set[str] | None] = {}
        self._contracts: dict[str, Contract] = {}

    def note(self, con: duckdb.DuckDBPyConnection, contract: Contract) -> None:
        """Look at the records in `judged`."""
        groups = [*contract.expected, *((one.name,) for one in contract.columns if one.required)]
        if contract.reader or contract.each or not groups:
            return
        self._contracts[contract.name] = contract
        filled = (" or ".join(f"{identifier(one)} is not null" for one in g) for g in groups)
        flags = ", ".join(f"bool_or({condition})" for condition in filled)
        rows = con.execute(f"select _number, [{flags}] from judged group by all").fetchall()
        for number, has in rows:
            keys: set[str] = set()
            if not all(has):
                found = con.execute(
                    "select distinct unnest(try(json_keys(_payload))) from (select * from judged "
                    "where _number = ? and json_valid(_payload) limit 1000)",
                    [number],
                ).fetchall()
                keys = {key for (key,) in found}
            for group, is_filled in zip(groups, has, strict=True):
                known = self._absent.setdefault((number, contract.name, group), keys)
                self._absent[number, contract.name, group] = (
                    None if is_filled or known is None else known | keys
                )

    def wrong_files(self) -> Iterator[tuple[int, str]]:
        """The number of each such file, and what is wrong."""
        for (number, name, group), keys in self._absent.items():
            contract = self._contracts[name]
            columns = [column for column in contract.columns if column.name in group]
            paths = [path for column in columns for path in column.paths]
            setting = next((c.variable for c in columns if c.variable), contract.defined_in)
            if keys and not keys.intersection(json_steps(path)[0] for path in paths):
                yield (
                    number,
                    f"none of its records has {' or '.join(group)} (looked in {', '.join(paths)}; "
                    f"they have {', '.join(sorted(keys)[:20])}); {looks_like(keys, name)}export "
                    f"it, or name its place in {setting}",
                )
