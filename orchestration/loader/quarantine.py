"""Records in quarantine, what has become of each since, and reading them again.

A record is known by where it stood and what it said, so its id stays the same however often its
file is read. Of several sightings the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.loader.batch import Batch, place
from orchestration.loader.contract import Contract
from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.raw import create_tables
from orchestration.loader.read import Readers, read_file
from orchestration.loader.text import UnreadableFileError
from orchestration.warehouse import Warehouse

NOTHING = "nothing was loaded yet; run `paydown run`"
Row = dict[str, Any]

# A replayed record is a load of its own: `raw.loads.file` is this and the record's id.
REPLAYED = "quarantine/"
# Columns: id, state and those of `raw.quarantine`; a row for each problem, and more than one a
# record only where elements of its list are quarantined. States:
#   open        nothing good has come of it
#   replayed    `paydown quarantine replay` loaded it
#   read again  its file was, with other bytes or by another contract, and judged anew
#   removed     its file is gone, and the stream follows its files
# Rows of a load that never finished are leftovers, and no records.
RECORDS = f"""
    with newest as (
        select
            md5(concat_ws(
                chr(31), found.source, found.stream, found.file,
                coalesce(cast(found.line as varchar), ''), coalesce(found.text, '')
            )) as id,
            found.*,
            loads.sha256
        from raw.quarantine as found
        inner join raw.loads as loads using (_load_id)
        qualify dense_rank() over (
            partition by id order by found._loaded_at desc, _load_id desc
        ) = 1
    ),
    loads as (
        select *, case status when 'removed' then 'removed' else 'read again' end as state
        from raw.loads
        where status in ('loaded', 'removed')
    ),
    replays as (select distinct substr(file, {len(REPLAYED) + 1}) as id from loads
        where starts_with(file, '{REPLAYED}') and rows_quarantined = 0),
    names as (select source, stream, file, max(_loaded_at) as read_at,
            arg_max(state, _loaded_at) as state
        from loads group by all),
    contents as (select source, stream, sha256, max(_loaded_at) as read_at
        from loads where status = 'loaded' and not starts_with(file, '{REPLAYED}') group by all)
    select
        newest.* exclude (sha256),
        case
            when replays.id is not null then 'replayed'
            when names.read_at > _loaded_at then names.state
            when contents.read_at > _loaded_at then 'read again'
            else 'open'
        end as state
    from newest
    left join replays using (id)
    left join names using (source, stream, file)
    left join contents using (source, stream, sha256)
"""
KINDS = """
    select
        source, stream, field, reason,
        count(distinct id) filter (where state = 'open') as open,
        count(distinct id) filter (where state <> 'open') as settled,
        count(distinct file) as files,
        max(_loaded_at) as newest_at,
        arg_max(id, (state = 'open', _loaded_at, -line)) as example,
        arg_max(file, (state = 'open', _loaded_at, -line)) as file,
        arg_max(line, (state = 'open', _loaded_at, -line)) as line,
        arg_max(value, (state = 'open', _loaded_at, -line)) as value
    from records
    where ($source is null or source = $source) and ($settled or state = 'open')
    group by source, stream, field, reason
    order by newest_at desc, source, stream, open desc, field, reason
"""
PROBLEMS = """
    select id, source, stream, file, line, field, value, reason, _loaded_at as quarantined_at, state
    from records
    where ($source is null or source = $source) and ($settled or state = 'open')
    order by _loaded_at desc, source, stream, file, line, id, field
"""

# What is no JSON could not be read as its file is, which no contract changes.
KEPT_TEXTS = """
    insert into batch
    select _number, records.line, text,
        case when json_valid(text) then null else reason end, field, value
    from landed inner join (select distinct on (id) * from records) as records using (id)
"""


class QuarantineError(ValueError):
    """What was asked of the quarantine can't be done; the message says why and what can."""


class Quarantine:
    """The quarantine of the warehouse that a connection is open to.

    Raises:
        QuarantineError: nothing was ever loaded.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        try:
            con.execute(f"create or replace temp view records as {RECORDS}")
        except duckdb.CatalogException as error:
            raise QuarantineError(NOTHING) from error

    def kinds(self, source: str | None = None, *, settled: bool = False) -> list[Row]:
        """What is wrong, by source, stream, field and reason, newest first: how many records are
        open and, with `settled`, how many no more, in how many files, with an example.
        """
        return self.rows(KINDS, source=source, settled=settled)

    def problems(self, source: str | None = None, *, settled: bool = False) -> list[Row]:
        """Record by record, newest first."""
        return self.rows(PROBLEMS, source=source, settled=settled)

    def record(self, beginning: str) -> list[Row]:
        """The record whose id begins so: a row for each problem, with the text, maybe cut.

        Raises:
            QuarantineError: no record has such an id, or more than one has.
        """
        return self.rows(
            "select * from records where id = $id order by field, value, reason",
            id=self.full_id(beginning),
        )

    def full_id(self, beginning: str) -> str:
        """The one id that begins so.

        Raises:
            QuarantineError: no record has such an id, or more than one has.
        """
        found: list[str] = []
        if re.fullmatch(r"[0-9a-f]{4,32}", beginning):
            sql = "select distinct id from records where starts_with(id, $id) order by 1"
            found = [row["id"] for row in self.rows(sql, id=beginning)]
        if not found:
            raise QuarantineError(
                f"{beginning}: no quarantined record has this id; `paydown quarantine list --each` "
                "names all (the first 4 characters are enough)"
            )
        if len(found) > 1:
            several = ", ".join(found[:5])
            raise QuarantineError(
                f"{beginning} begins {len(found)} ids ({several}); give more of it"
            )
        return found[0]

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """What the statement finds in the view `records`, by name."""
        result = self._con.execute(sql, parameters)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


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
    """Read the records with these ids again, or all that are open, or those of one source: from
    the text that was kept, by the contract as it is now, or as somebody corrected them.

    `correction` is a file with what the one record should have been, in any form that a landed
    file may have. A record of which anything would be quarantined again is not written, so a
    second replay changes nothing. Each is a load of its own: a replay that dies loses nothing.

    Returns:
        What became of each (`id`, `place`, `state` loaded, settled or open, `reason`), and how
        many rows were loaded.

    Raises:
        QuarantineError: for an unknown id, or a correction that can't be read.
        ContractError: for a contract with which no record can be read.
        duckdb.IOException: another program has the warehouse open.
    """
    if correction and len(ids) != 1:
        raise QuarantineError(f"{correction} corrects one record; give the id of one")
    by_name = {contract.name: contract for contract in contracts}
    with warehouse.opened() as con:
        records = _chosen(con, ids, source)
        for record in records:
            record |= _refused(record, by_name.get(record["name"]), correction)
        wanted = [record for record in records if not record["state"]]
        if not wanted:
            return records, 0
        used = {record["name"]: by_name[record["name"]] for record in wanted}
        create_tables(con, list(used.values()))
        _land(con, wanted, used)
        batch = Batch(con, warehouse.folder, used)
        batch.check()
        if correction:
            _correct(con, batch, wanted[0], used[wanted[0]["name"]], correction, readers)
        else:
            con.execute(KEPT_TEXTS)
        found: dict[int, str | None] = {}
        for name in used:
            progress(f"reading {name}")
            batch.judge(name)
            rows = con.execute("select _number, min(_reason) from judged group by all").fetchall()
            found |= dict(rows)
            bad = "_number in (select _number from judged where _reason is not null)"
            for table in ("landed", "judged"):
                con.execute(f"delete from {table} where {bad}")
            batch.write(name)
        if correction and not found:
            raise QuarantineError(f"{correction}: holds no record; write the corrected one into it")
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
    """The record's place, and why it can't be read again; an empty state where it can."""
    state, reason = "open", ""
    if record["known_state"] != "open":
        state, reason = "settled", f"was {record['known_state']} before"
    elif contract is None:
        reason = f"no contract reads {record['name']} any more; add it to a _sources.yml again"
    elif contract.mode == "snapshot":
        reason = (
            f"{contract.name} is what its files say; correct {record['file']} itself, "
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
    """Create `landed`, a load for each record."""
    contract = {name: one.fingerprint for name, one in contracts.items()}
    names = ("_number", "id", "name", "source", "stream", "file")
    chosen = [{n: one[n] for n in names} | {"contract": contract[one["name"]]} for one in records]
    con.register("chosen", pa.Table.from_pylist(chosen))
    con.execute(
        f"""
        create or replace temp table landed as
        select
            * exclude (_number, file), _number::integer as _number, file as _source_file,
            '{REPLAYED}' || id as file, sha256('{REPLAYED}' || id) as sha256,
            0::bigint as size_bytes, 'loaded' as status, null as problem, false as is_split,
            0::bigint as records, 0::bigint as rows_loaded, 0::bigint as rows_quarantined,
            replace(uuid()::varchar, '-', '') as _load_id,
            now()::timestamp + to_microseconds(_number) as _loaded_at
        from chosen
        """
    )
    con.unregister("chosen")


def _correct(
    con: duckdb.DuckDBPyConnection,
    batch: Batch,
    record: Row,
    contract: Contract,
    correction: Path,
    readers: Readers,
) -> None:
    """The file becomes `batch`, at the place of the record that it corrects."""
    try:
        for piece in read_file(con, correction, contract, readers):
            batch.add(record["_number"], piece)
        batch.insert()
    except UnreadableFileError as error:
        raise QuarantineError(f"{correction}: {error}") from error
    con.execute("update batch set line = $line", {"line": record["line"]})
