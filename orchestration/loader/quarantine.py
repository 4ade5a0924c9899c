"""Records in quarantine, and the state of each since.

A record is identified by its place and its text, so its id stays the same however often its file is
read. The newest sighting counts.
"""

from __future__ import annotations

import re
from typing import Any

import duckdb

from orchestration.warehouse import rows_of

NOTHING = "nothing was loaded yet; run `paydown run`"
Row = dict[str, Any]
# What `Quarantine` reads.
BOOKKEEPING = ("raw.loads", "raw.quarantine")

# A replayed record is a load of its own: `raw.loads.file` is this and the record's id.
REPLAYED = "quarantine/"
# Columns: id, state and those of `raw.quarantine`; one row per problem, and several per record only
# if elements of its list are quarantined. States:
#   open        not loaded yet
#   replayed    `paydown quarantine replay` loaded it
#   read again  its file was, with other bytes or by another contract, and judged again
#   removed     its file is gone, and the stream mirrors its files
# Rows of an unfinished load are leftovers, not records.
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
SHOWN = ("id", "file", "line", "value", "state")
NEWEST = "(state = 'open', _loaded_at, -line)"
KINDS = f"""
    select
        source, stream, field, reason,
        count(distinct id) filter (where state = 'open') as open,
        count(distinct id) filter (where state <> 'open') as settled,
        count(distinct file) as files, max(_loaded_at) as newest_at,
        {", ".join(f"arg_max({name}, {NEWEST}) as {name}" for name in SHOWN)}
    from records
    where ($source is null or source = $source) and ($settled or state = 'open')
    group by source, stream, field, reason, case when $each then records.id end
    order by newest_at desc, source, stream, open desc, file, line, field, reason
"""


class QuarantineError(ValueError):
    """A request to the quarantine can't be met; the message says why and what can be done."""


class Quarantine:
    """The quarantine of a connection's warehouse.

    Raises:
        QuarantineError: nothing was ever loaded.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        try:
            con.execute(f"create or replace temp view records as {RECORDS}")
        except duckdb.CatalogException as error:
            raise QuarantineError(NOTHING) from error

    def kinds(
        self, source: str | None = None, *, settled: bool = False, each: bool = False
    ) -> list[Row]:
        """What is wrong, by source, stream, field and reason, newest first: how many records are
        open and, with `settled`, how many no longer, in how many files, and the newest record. With
        `each`, record by record.
        """
        return self.rows(KINDS, source=source, settled=settled, each=each)

    def record(self, beginning: str) -> list[Row]:
        """The record whose id begins like this: one row per problem, with the text, maybe cut.

        Raises:
            QuarantineError: no or several records have such an id.
        """
        return self.rows(
            "select * from records where id = $id order by field, value, reason",
            id=self.full_id(beginning),
        )

    def full_id(self, beginning: str) -> str:
        """The one id that begins like this.

        Raises:
            QuarantineError: no or several records have such an id.
        """
        found: list[str] = []
        if re.fullmatch(r"[0-9a-f]{4,32}", beginning):
            sql = "select distinct id from records where starts_with(id, $id) order by 1"
            found = [row["id"] for row in self.rows(sql, id=beginning)]
        if len(found) != 1:
            wrong = (
                f"matches {len(found)} ids ({', '.join(found[:5])}); give more of it"
                if found
                else "no quarantined record has this id; `paydown quarantine list --each` names all"
            )
            raise QuarantineError(f"{beginning}: {wrong}")
        return found[0]

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """What the statement finds in the view `records`, as mappings."""
        return rows_of(self._con, sql, parameters)
