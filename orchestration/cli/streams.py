"""Rows of each stream from the source to the facts, as the last run counted them, and why some are
not facts; a part of `paydown doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from orchestration.cli.tables import published_rows, say, show_table
from orchestration.publish.analyst_copy import NotPublishedError
from orchestration.settings import Settings

SHOWN_ROWS, SHOWN_REASONS = 20, 4


class Finding(NamedTuple):
    """One line of the doctor. `bad` needs a person, `note` is worth knowing."""

    state: Literal["ok", "note", "bad"]
    subject: str
    text: str


# What each figure of `rpt_data_quality` means where it is not 0.
DIFFERENCES = {
    "missing_count": "of {source_count:,} records at the source are missing; "
    "`paydown sync {source_name} --since DATE` reads them again",
    "landed_difference": "records that syncs landed and no load read; run `paydown run`",
    "read_difference": "records that loads read are neither raw nor quarantined; report it",
    "raw_difference": "raw rows that loads wrote are missing; see docs/runbooks/stale-source.md",
    "quarantine_difference": "quarantined rows that loads wrote are missing; report it",
    "fact_difference": "records are neither facts nor excluded; report it",
}
UNMATCHED = """
    select
        'note' as state,
        source_name || ' service ' || coalesce(stated_name, '(none)') as subject,
        format('{} incidents; ', incident_count) || case
            when stated_name is null then 'they name no service; set it where they are written'
            when claimed_by is not null
                then 'claimed by ' || claimed_by || '; leave it with one of them'
            else 'not in the catalog under this name; add the service, or this name as an alias'
        end as "text"
    from rpt_unmatched_services
    order by incident_count desc
    limit $shown
"""
CONFLICTS = """
    select
        'note' as state,
        'catalog ' || conflict_subject as subject,
        case conflict_kind
            when 'entity' then 'described by ' || claimed_by || '; keep one of them'
            when 'selector'
                then claimed_by || ' is not read; write tags joined by OR, or paydown/aliases'
            else 'claimed by ' || claimed_by || ', so it leads to neither; leave it with one'
        end as "text"
    from rpt_catalog_conflicts
    order by conflict_id
    limit $shown
"""
UNKNOWN_WORDS = """
    select
        'note' as state,
        source_name || ' ' || field as subject,
        format(
            '{:,} records say {}, which is not in a known list; add it to {}',
            record_count, word, add_to
        ) as "text"
    from rpt_unknown_words
    order by record_count desc, word
    limit $shown
"""
UNLINKED = """
    select
        'note' as state,
        postmortem_id as subject,
        format(
            '{} of {} incidents that the postmortem names have landed; correct their ids, or drop '
            'their export', linked_incident_count, incident_count
        ) as "text"
    from fct_postmortems
    where linked_incident_count = 0 or linked_incident_count < incident_count
    order by postmortem_id
    limit $shown
"""


def check_streams(settings: Settings) -> Iterator[Finding]:
    """Losses on the way to facts, services without catalog, postmortems without incident."""
    try:
        rows = published_rows(settings, "select * from rpt_data_quality order by stream_id")
    except NotPublishedError as error:
        yield Finding("bad", "published", str(error))
        return
    for row in rows:
        for column, meaning in DIFFERENCES.items():
            if row[column]:
                text = f"{row[column]:+,} {meaning.format(**row)}".removeprefix("+")
                yield Finding("bad", row["stream_id"], text)
    for sql in (UNMATCHED, CONFLICTS, UNKNOWN_WORDS, UNLINKED):
        for row in published_rows(settings, sql, {"shown": SHOWN_ROWS}):
            yield Finding(**row)


STREAMS = """
    select
        stream_id,
        format('{:,}', source_count) as a, format('{:,}', record_count) as b,
        format('{:,}', fact_count) as c, format('{:,}', excluded_count) as d,
        format('{:,}', open_quarantine_count) as e
    from rpt_data_quality
    where (is_incident_stream and source_rows > 0)
        or open_quarantine_count > 0
        or source_count > 0
        or (list_contains($sources, source_name) and source_rows > 0)
    order by stream_id
"""
REASONS = """
    select
        stream_id,
        stream_id || ' ' || outcome || ': ' || string_agg(
            format('{:,} ', reason_count) || split_part(reason, '; ', 1), ', '
            order by reason_count desc, reason
        ) filter (where place <= $shown) as line,
        count(*) filter (where place > $shown) as more
    from (
        select *, row_number() over (
            partition by stream_id, outcome order by reason_count desc, reason
        ) as place
        from rpt_data_quality_reasons
    )
    group by stream_id, outcome
    order by stream_id, list_position(['excluded', 'later', 'duplicate', 'quarantined'], outcome)
"""


def show_streams(settings: Settings) -> None:
    """Print the rows of each stream from the source to the facts, and why some are not facts."""
    rows: list[dict[str, Any]] = []
    with suppress(NotPublishedError):
        rows = published_rows(settings, STREAMS, {"sources": list(settings.sources)})
    if not rows:
        return
    columns = ("at source", "in raw", "facts", "excluded", "quarantined")
    say("")
    show_table(("stream", *columns), [[*row.values()] for row in rows], right=columns)
    streams = {row["stream_id"] for row in rows}
    for reason in published_rows(settings, REASONS, {"shown": SHOWN_REASONS}):
        if reason["stream_id"] in streams:
            more = f", and {reason['more']} more reasons" if reason["more"] else ""
            say(reason["line"] + more, "dim", indent=2)
    say("")
