"""One sync of every source that is switched on, independently, with its journal entry."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, TypeVar

from orchestration.documents import ConfigError, load_model
from orchestration.http import Patience, SourceError
from orchestration.landing import StreamReport, open_landing
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.vendors.base import Context, Extractor, SourceConfig
from orchestration.vendors.sources import Sources

FILE = "sources.yaml"
Status = Literal["complete", "stopped", "failed"]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class SyncResult:
    """The result of one source. `stopped`: it couldn't be read; `failed`: a bug of ours."""

    source: str
    owner: str
    status: Status
    message: str = ""
    requests: int = 0
    seconds: float = 0
    streams: dict[str, StreamReport] = field(default_factory=dict)

    @property
    def records(self) -> int:
        return sum(stream.records for stream in self.streams.values())


def read_sources(settings: Settings) -> Sources:
    """The file, or the defaults if there is none.

    Raises:
        ConfigError: with every problem, its line and its fix.
    """
    path = settings.modernization / FILE
    return load_model(path, Sources) if path.exists() else Sources()


def configured_sources(settings: Settings) -> Sources:
    """The sources; their defaults if the file is wrong, which the run itself reports."""
    try:
        return read_sources(settings)
    except (ConfigError, OSError):
        return Sources()


def state_folder(settings: Settings) -> Path:
    """The folder of cursors; delete a file in it to read that source from its beginning."""
    return settings.home / "extract"


def sync_sources(
    settings: Settings,
    names: Sequence[str] | None = None,
    *,
    since: date | None = None,
    progress: Callable[[str], None] = lambda _: None,
    patience: Patience | None = None,
) -> list[SyncResult]:
    """Sync the named sources, or all that are switched on, concurrently and independently.

    `since` reads everything from that day on again; the loader recognises what it has.
    """
    sources = list(read_sources(settings).enabled(tuple(names or settings.sources)))
    if since:
        sources = [(n, config.model_copy(update={"since": since})) for n, config in sources]
    context = Context(progress=progress, patience=patience or Patience(), base_folder=PROJECT_ROOT)
    return concurrently(
        sources, lambda named: _sync(settings, context, *named, afresh=since is not None)
    )


def concurrently(items: Iterable[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Do the work on all items, one thread each; results are in their order.

    Not a pool of `concurrent.futures`: that waits for its threads at exit, so a sync could not be
    interrupted. These threads are cut off then, as by a kill.
    """
    futures: list[Future[Result]] = []
    for item in items:
        futures.append(future := Future())
        threading.Thread(target=_settle, args=(future, work, item), daemon=True).start()
    return [future.result() for future in futures]


def _settle(future: Future[Result], work: Callable[[Item], Result], item: Item) -> None:
    try:
        future.set_result(work(item))
    except BaseException as error:
        future.set_exception(error)


def _sync(
    settings: Settings, context: Context, name: str, config: SourceConfig, *, afresh: bool
) -> SyncResult:
    started_at = datetime.now(UTC)
    result = SyncResult(name, config.owner, "complete")
    extractor: Extractor | None = None
    with open_landing(settings.landing, state_folder(settings), name, started_at) as landing:
        try:
            extractor = config.extractor(context)
            if afresh:
                # On disk with the first commit: a sync that can't begin loses nothing.
                landing.cursors.clear()
            extractor.sync(landing)
        except SourceError as error:
            result.status, result.message = "stopped", str(error)
        except Exception as error:
            # The text of an unexpected error might contain a secret; its place can't.
            result.status = "failed"
            result.message = f"{name}: {type(error).__name__} at {place(error)}; report it"
        finished_at = datetime.now(UTC)
        result.requests = extractor.requests if extractor else 0
        result.seconds = (finished_at - started_at).total_seconds()
        landing.journal(result.status, result.message, result.requests, finished_at)
        result.streams = landing.streams
    return result


def place(error: BaseException) -> str:
    """Where an error occurred, as file and line; unlike its text, without secrets."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
