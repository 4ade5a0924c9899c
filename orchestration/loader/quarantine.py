"""Records in quarantine, and what has become of each since.

A record is known by where it stood and what it said, so its id stays the same however often its
file is read. Of several sightings the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.loader.project import MAX_QUARANTINED_TEXT

NOTHING = "nothing was loaded yet; run `paydown run`"
BUSY = "another program has the warehouse open, such as a run; ask again when it is done"

# A replayed record is a load of its own: `raw.loads.file` is this and the record's id.
REPLAYED = "quarantine/"

# Columns: id, state, settled_at and those of `raw.quarantine`; a row for each problem, and more
# than one a record only where elements of its list are quarantined. States:
#   open        nothing good has come of it
#   replayed    `paydown quarantine replay` loaded it
#   read again  its file was, with other bytes or by another contract, and judged anew
#   removed     its file is gone, and the stream follows its files
# Rows of a load that never finished are leftovers, and no records.
RECORDS = f"""
    with sightings as (
        select
            md5(concat_ws(
                chr(31), found.source, found.stream, found.file,
                coalesce(cast(found.line as varchar), ''), coalesce(found.text, '')
            )) as id,
            found.*,
            loads.sha256
        from raw.quarantine as found
        inner join raw.loads as loads on found._load_id = loads._load_id
    ),
    newest as (
        select * exclude (recency)
        from (
            select *, dense_rank() over (
                partition by id order by _loaded_at desc, _load_id desc
            ) as recency
            from sightings
        )
        where recency = 1
    ),
    replays as (
        select substr(file, {len(REPLAYED) + 1}) as id, max(_loaded_at) as settled_at
        from raw.loads
        where starts_with(file, '{REPLAYED}') and rows_quarantined = 0
        group by all
    ),
    files as (
        select
            source, stream, file,
            max(_loaded_at) as settled_at,
            arg_max(status, _loaded_at) = 'removed' as is_removed
        from raw.loads
        where status in ('loaded', 'removed')
        group by all
    ),
    contents as (
        select source, stream, sha256, max(_loaded_at) as settled_at
        from raw.loads
        where status = 'loaded' and not starts_with(file, '{REPLAYED}')
        group by all
    )
    select
        newest.* exclude (sha256),
        case
            when replays.id is not null then 'replayed'
            when files.settled_at > newest._loaded_at and files.is_removed then 'removed'
            when greatest(files.settled_at, contents.settled_at) > newest._loaded_at
                then 'read again'
            else 'open'
        end as state,
        case
            when replays.id is not null then replays.settled_at
            when greatest(files.settled_at, contents.settled_at) > newest._loaded_at
                then greatest(files.settled_at, contents.settled_at)
        end as settled_at
    from newest
    left join replays on newest.id = replays.id
    left join files
        on newest.source = files.source and newest.stream = files.stream
            and newest.file = files.file
    left join contents
        on newest.source = contents.source and newest.stream = contents.stream
            and newest.sha256 = contents.sha256
"""


class QuarantineError(ValueError):
    """What was asked of the quarantine can't be done; the message says why and what can."""


@dataclass(frozen=True)
class Kind:
    """Records of one file quarantined for one reason; `example` is the newest one's id."""

    source: str
    stream: str
    file: str
    reason: str
    open: int
    settled: int
    newest_at: datetime
    example: str


@dataclass(frozen=True)
class Problem:
    """One problem of a record. `state` is as in `RECORDS`; moments are UTC."""

    id: str
    source: str
    stream: str
    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str
    quarantined_at: datetime
    state: str
    settled_at: datetime | None

    @property
    def place(self) -> str:
        return place(self.file, self.line)


PROBLEM = "id, source, stream, file, line, field, value, reason, _loaded_at, state, settled_at"


@dataclass(frozen=True)
class Chosen:
    """A record to be replayed; `number` stands for it in `batch`."""

    number: int
    id: str
    source: str
    stream: str
    file: str
    line: int | None
    state: str
    is_cut: bool

    @property
    def place(self) -> str:
        return place(self.file, self.line)


def place(file: str, line: int | None) -> str:
    """`file:line`, or the file alone."""
    return file if line is None else f"{file}:{line}"


@dataclass(frozen=True)
class Record:
    """A record with all its problems and its original text, which may have been cut."""

    problems: list[Problem]
    text: str

    @property
    def is_cut(self) -> bool:
        return len(self.text) >= MAX_QUARANTINED_TEXT


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

    def kinds(self, source: str | None = None, *, settled: bool = False) -> list[Kind]:
        """By kind, newest first; with `settled` also those of which none is open any more."""
        rows = self._query(
            """
            select
                source, stream, file, reason,
                count(distinct id) filter (where state = 'open') as open,
                count(distinct id) filter (where state <> 'open') as settled,
                max(_loaded_at) as newest_at,
                arg_max(id, (state = 'open', _loaded_at, -line)) as example
            from records
            where $source is null or source = $source
            group by source, stream, file, reason
            having $settled or open > 0
            order by newest_at desc, source, stream, file, open desc, reason
            """,
            source=source,
            settled=settled,
        )
        return [Kind(*row) for row in rows]

    def problems(self, source: str | None = None, *, settled: bool = False) -> list[Problem]:
        """Record by record, newest first."""
        rows = self._query(
            f"""
            select {PROBLEM}
            from records
            where ($source is null or source = $source) and ($settled or state = 'open')
            order by _loaded_at desc, source, stream, file, line, id, field
            """,
            source=source,
            settled=settled,
        )
        return [Problem(*row) for row in rows]

    def record(self, beginning: str) -> Record:
        """The record whose id begins so.

        Raises:
            QuarantineError: no record has such an id, or more than one has.
        """
        rows = self._query(
            f"select {PROBLEM}, text from records where id = $id order by field, value, reason",
            id=self.full_id(beginning),
        )
        return Record([Problem(*row[:-1]) for row in rows], rows[0][-1] or "")

    def full_id(self, beginning: str) -> str:
        """The one id that begins so.

        Raises:
            QuarantineError: no record has such an id, or more than one has.
        """
        found: list[str] = []
        if re.fullmatch(r"[0-9a-f]{4,32}", beginning):
            rows = self._query(
                "select distinct id from records where starts_with(id, $beginning) order by 1",
                beginning=beginning,
            )
            found = [row[0] for row in rows]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(found[:5])
            raise QuarantineError(
                f"{beginning} begins {len(found)} ids ({several}); give more of it"
            )
        raise QuarantineError(
            f"{beginning}: no quarantined record has this id; `paydown quarantine list --each` "
            "names all (the first 4 characters are enough)"
        )

    def chosen(self, ids: Sequence[str], source: str | None) -> list[Chosen]:
        """The records with these ids, or all that are open, or all that are of one source."""
        rows = self._query(
            f"""
            select distinct
                id, source, stream, file, line, state,
                length(text) >= {MAX_QUARANTINED_TEXT} as is_cut
            from records
            where (list_contains($ids, id) or ($any and state = 'open'))
                and ($source is null or source = $source)
            order by source, stream, file, line, id
            """,
            ids=[self.full_id(one) for one in ids],
            any=not ids,
            source=source,
        )
        return [Chosen(number, *row) for number, row in enumerate(rows)]

    def _query(self, sql: str, **parameters: Any) -> list[Any]:
        return self._con.execute(sql, parameters).fetchall()
