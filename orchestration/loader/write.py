"""Arrow tables into the warehouse, by dlt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchestration.loader.contract import ContractError

if TYPE_CHECKING:
    import dlt

Batches = Iterator[tuple[str, pa.Table]]


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
