"""The records that were set aside, and what has become of each since: one SQL query.

A record is known by where it stood and what it said, so its id stays the same however often its
file is read. Of several sightings the newest counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# A replayed record is a load of its own: `raw.loads.file` is this and the record's id.
REPLAYED = "quarantine/"

# Columns: id, state, settled_at and those of `raw.quarantine`; a row for each problem, and more
# than one a record only where elements of its list were set aside. States:
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
        from {{quarantine}} as found
        inner join {{loads}} as loads on found._load_id = loads._load_id
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
        from {{loads}}
        where starts_with(file, '{REPLAYED}') and rows_quarantined = 0
        group by all
    ),
    files as (
        select
            source, stream, file,
            max(_loaded_at) as settled_at,
            arg_max(status, _loaded_at) = 'removed' as is_removed
        from {{loads}}
        where status in ('loaded', 'removed')
        group by all
    ),
    contents as (
        select source, stream, sha256, max(_loaded_at) as settled_at
        from {{loads}}
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


def full_id(beginning: str, query: Callable[[str], list[tuple[Any, ...]]]) -> str:
    """The one id that begins so, from `query`, which runs SQL over `RECORDS`.

    Raises:
        QuarantineError: where there is none, or more than one.
    """
    found: list[str] = []
    if re.fullmatch(r"[0-9a-f]{4,32}", beginning):
        sql = f"select distinct id from ({RECORDS}) where starts_with(id, '{beginning}') order by 1"
        found = [row[0] for row in query(sql)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(found[:5])
        raise QuarantineError(f"{beginning} begins {len(found)} ids ({several}); give more of it")
    raise QuarantineError(
        f"{beginning}: no record that was set aside has this id; "
        "`paydown quarantine list --each` names all (the first 4 characters are enough)"
    )
