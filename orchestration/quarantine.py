"""What was set aside, read from the warehouse: by kind, record by record, and one in full."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.loader.aside import RECORDS, QuarantineError, full_id
from orchestration.loader.project import MAX_QUARANTINED_TEXT
from orchestration.loader.replay import replay
from orchestration.loader.report import ReplayReport
from orchestration.settings import Settings
from orchestration.warehouse import RAW_SCHEMA, loading_pipeline

NOTHING = "nothing was loaded yet; run `paydown run`"
BUSY = "another program has the warehouse open, such as a run; ask again when it is done"
UNPARSED = "dbt can't read the project, as it says above; correct that and replay again"


@dataclass(frozen=True)
class Kind:
    """Records of one file that were set aside for one reason; `example` is the newest one's id."""

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
    """One problem of a record. `state` is as in `loader.aside`; moments are UTC."""

    id: str
    source: str
    stream: str
    file: str
    line: int | None
    field: str | None
    value: str | None
    reason: str
    set_aside_at: datetime
    state: str
    settled_at: datetime | None

    @property
    def place(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Record:
    """A record with all its problems and its original text, which may have been cut."""

    problems: list[Problem]
    text: str

    @property
    def is_cut(self) -> bool:
        return len(self.text) >= MAX_QUARANTINED_TEXT


class Quarantine:
    """The quarantine of one warehouse, open for reading; make it with `opened`."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        con.execute(f"create temp view records as {_in_raw(RECORDS)}")

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
            """
            select
                id, source, stream, file, line, field, value, reason, _loaded_at, state,
                settled_at
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
            QuarantineError: where there is none, or more than one.
        """
        found = full_id(beginning, lambda sql: self._query(_in_raw(sql)))
        rows = self._query(
            """
            select
                id, source, stream, file, line, field, value, reason, _loaded_at, state,
                settled_at, text
            from records
            where id = $id
            order by field, value, reason
            """,
            id=found,
        )
        return Record([Problem(*row[:-1]) for row in rows], rows[0][-1] or "")

    def _query(self, sql: str, **parameters: Any) -> list[Any]:
        return self._con.execute(sql, parameters).fetchall()


@contextmanager
def opened(settings: Settings) -> Generator[Quarantine]:
    """The quarantine of the settings' warehouse.

    Raises:
        QuarantineError: where there is no warehouse yet, or a run is writing it.
    """
    if not settings.warehouse.exists():
        raise QuarantineError(NOTHING)
    try:
        with duckdb.connect(str(settings.warehouse), read_only=True) as con:
            yield Quarantine(con)
    except duckdb.IOException as error:
        raise QuarantineError(BUSY) from error
    except duckdb.CatalogException as error:
        raise QuarantineError(NOTHING) from error


def replay_from(
    settings: Settings,
    ids: Sequence[str],
    source: str | None,
    correction: Path | None,
    progress: Callable[[str], None],
) -> ReplayReport:
    """Replay by the project's contracts as they are now; see `loader.replay`.

    Raises:
        QuarantineError, ContractError, SettingsError: with what to do about it.
    """
    from dagster_dbt import DagsterDbtError
    from dlt.destinations.exceptions import DestinationConnectionError
    from dlt.pipeline.exceptions import PipelineStepFailed

    from orchestration.configuration import READERS
    from orchestration.dbt_project import manifest
    from orchestration.loader import contracts_from_manifest

    if not settings.warehouse.exists():
        raise QuarantineError(NOTHING)
    try:
        return replay(
            contracts_from_manifest(manifest(settings)),
            loading_pipeline(settings),
            READERS,
            ids=ids,
            source=source,
            correction=correction,
            progress=progress,
        )
    except DagsterDbtError as error:
        raise QuarantineError(UNPARSED) from error
    except (DestinationConnectionError, PipelineStepFailed) as error:
        cause: BaseException | None = error
        while cause and not isinstance(cause, DestinationConnectionError):
            cause = cause.__cause__
        if cause:
            raise QuarantineError(BUSY) from error
        raise


def _in_raw(sql: str) -> str:
    return sql.format(quarantine=f"{RAW_SCHEMA}.quarantine", loads=f"{RAW_SCHEMA}.loads")
