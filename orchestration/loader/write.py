"""Arrow tables into the warehouse, by dlt, by one loader at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchestration.loader.contract import ContractError

if TYPE_CHECKING:
    import dlt

NAME = "paydown"
Batches = Iterator[tuple[str, pa.Table]]


def new_pipeline(warehouse: Path, dataset: str, folder: Path) -> dlt.Pipeline:
    """dlt's pipeline into a DuckDB file; its working files live in the folder.

    Of two that make it at once in an empty folder, dlt lets one wipe what the other just made.
    """
    import dlt

    with _locked(folder):
        return dlt.pipeline(
            NAME,
            destination=dlt.destinations.duckdb(str(warehouse)),
            dataset_name=dataset,
            pipelines_dir=str(folder),
        )


def alone(pipeline: dlt.Pipeline) -> AbstractContextManager[None]:
    """Wait until no other loader, of any process, works with the pipeline's files."""
    return _locked(Path(pipeline.pipelines_dir))


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def append(pipeline: dlt.Pipeline, batches: Batches) -> None:
    """Append each table's rows, all in one package of dlt's.

    Raises:
        ContractError: as it is, where the batches raise it; dlt wraps everything else.
    """
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    @dlt.resource(name="landing", write_disposition="append")
    def landing() -> Iterator[Any]:
        for table, rows in batches:
            # All our timestamps are UTC without a zone, alike in every warehouse.
            columns: Any = {
                column.name: {"data_type": "timestamp", "timezone": False}
                for column in rows.schema
                if pa.types.is_timestamp(column.type)
            }
            hints = dlt.mark.make_hints(
                table_name=table, write_disposition="append", columns=columns
            )
            yield dlt.mark.with_hints(rows, hints, create_table_variant=True)

    # What a dead run left between reading and writing is read again from the landing folder.
    pipeline.abort_packages()
    try:
        pipeline.run(landing(), loader_file_format="parquet").raise_on_failed_jobs()
    except PipelineStepFailed as error:
        cause: BaseException | None = error
        while cause and not isinstance(cause, ContractError):
            cause = cause.__cause__
        raise cause or error from None
