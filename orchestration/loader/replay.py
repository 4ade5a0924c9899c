"""Read quarantined records again, from the kept text or as corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.loader.batch import Batch
from orchestration.loader.contract import Contract
from orchestration.loader.pending import NEW_LOAD
from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.quarantine import REPLAYED, Quarantine, QuarantineError, Row
from orchestration.loader.raw import create_tables
from orchestration.loader.read import Readers, read_file
from orchestration.loader.report import place
from orchestration.loader.text import UnreadableFileError
from orchestration.warehouse import Warehouse

# What isn't JSON could not be read in its file, which no contract changes.
KEPT_TEXTS = """
    insert into batch
    select _number, records.line, text,
        case when json_valid(text) then null else reason end, field, value
    from landed inner join (select distinct on (id) * from records) as records using (id)
"""


def replay(
    contracts: Sequence[Contract],
    warehouse: Warehouse,
    readers: Readers,
    *,
    ids: Sequence[str] = (),
    source: str | None = None,
    correction: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[list[Row], int]:
    """Read the records with these ids again, or all that are open, or those of one source: from the
    kept text, by the current contract, or as corrected.

    `correction` is a file with the one record as corrected, in any format of landed files. A record
    is not written if any part of it would be quarantined again, so a second replay changes nothing.
    Each is a load of its own: an interrupted replay loses nothing.

    Returns:
        The outcome of each (`id`, `place`, `state` loaded, settled or open, `reason`), and how many
        rows were loaded.

    Raises:
        QuarantineError: for an unknown id, or an unreadable correction.
        ContractError: a contract can't be used to read records.
        duckdb.IOException: another program has the warehouse open.
    """
    if correction and len(ids) != 1:
        raise QuarantineError(f"{correction} corrects one record; give one id")
    by_name = {contract.name: contract for contract in contracts}
    with warehouse.opened() as session:
        con = session.con
        session.refresh("loads", "quarantine")
        records = _chosen(con, ids, source)
        for record in records:
            record |= _refused(record, by_name.get(record["name"]), correction)
        wanted = [record for record in records if not record["state"]]
        if not wanted:
            return records, 0
        used = {record["name"]: by_name[record["name"]] for record in wanted}
        create_tables(session, list(used.values()))
        _land(con, wanted, used)
        batch = Batch(session, used)
        if correction:
            try:
                for piece in read_file(con, correction, used[wanted[0]["name"]], readers):
                    batch.add(wanted[0]["_number"], piece)
            except UnreadableFileError as error:
                raise QuarantineError(f"{correction}: {error}") from error
            batch.insert()
            con.execute("update batch set line = $line", {"line": wanted[0]["line"]})
        else:
            con.execute(KEPT_TEXTS)
        found: dict[int, str | None] = {}
        for name in used:
            progress(f"reading {name}")
            # Its file decided whether days or months come first, and that was not kept.
            batch.order_dates(name)
            unclear = "delete from landed where problem <> '' returning _number, problem"
            found |= dict(con.execute(unclear).fetchall())
            batch.judge(name)
            rows = con.execute("select _number, min(_reason) from judged group by all").fetchall()
            found |= dict(rows)
            bad = "_number in (select _number from judged where _reason is not null)"
            for table in ("landed", "judged"):
                con.execute(f"delete from {table} where {bad}")
            batch.write(name)
        if correction and not found:
            raise QuarantineError(f"{correction}: has no record; write the corrected one into it")
        for record in wanted:
            reason = found.get(record["_number"])
            record |= {"state": "open" if reason else "loaded", "reason": reason or ""}
        batch.commit()
        return records, batch.report.rows_loaded


def _chosen(con: duckdb.DuckDBPyConnection, ids: Sequence[str], source: str | None) -> list[Row]:
    quarantine = Quarantine(con)
    rows = quarantine.rows(
        f"""
        select distinct
            id, source || '.' || stream as name, source, stream, file, line, state as known_state,
            length(text) >= {MAX_QUARANTINED_TEXT} as is_cut
        from records
        where (list_contains($ids, id) or ($any and state = 'open'))
            and ($source is null or source = $source)
        order by name, file, line, id
        """,
        ids=[quarantine.full_id(one) for one in ids],
        any=not ids,
        source=source,
    )
    return [row | {"_number": number} for number, row in enumerate(rows)]


def _refused(record: Row, contract: Contract | None, correction: Path | None) -> Row:
    """The record's place, and why it can't be read again; an empty state if it can."""
    state, reason = "open", ""
    if record["known_state"] != "open":
        state, reason = "settled", f"was {record['known_state']} before"
    elif contract is None:
        reason = f"no contract reads {record['name']} any more; add it to a _sources.yml again"
    elif contract.mode == "snapshot":
        reason = (
            f"{contract.name} mirrors its files; correct {record['file']} itself, "
            "and the next run reads it"
        )
    elif record["is_cut"] and not correction:
        reason = (
            f"only its first {MAX_QUARANTINED_TEXT:,} characters were kept; correct it in "
            f"{record['file']} and run again, or give the complete record by --with FILE"
        )
    place_of = place(record["file"], record["line"])
    return {"place": place_of, "state": state if reason else "", "reason": reason}


def _land(
    con: duckdb.DuckDBPyConnection, records: Sequence[Row], contracts: Mapping[str, Contract]
) -> None:
    """Create `landed`, one load per record."""
    stated = [one | {"contract": contracts[one["name"]].fingerprint} for one in records]
    con.register("chosen", pa.Table.from_pylist(stated))
    con.execute(
        f"""
        create or replace temp table landed as
        select
            _number::integer as _number, id, name, source, stream, contract, file as _source_file,
            '{REPLAYED}' || id as file, sha256('{REPLAYED}' || id) as sha256,
            0::bigint as size_bytes, 'loaded' as status, null::varchar as problem,
            null::timestamp as replaced_at,
            {NEW_LOAD}
        from chosen
        """
    )
    con.unregister("chosen")
