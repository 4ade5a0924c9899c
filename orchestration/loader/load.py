"""Load what is new in the landing folder into `raw`, exactly once, losing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.loader.contract import Contract
from orchestration.loader.files import LandedFile, UnreadableFileError, landed_files
from orchestration.loader.history import History, read_history, stored_tables
from orchestration.loader.read import Readers, append_batch, new_batch
from orchestration.loader.report import LoadReport
from orchestration.loader.session import Load, check, commit, connection, new_load, project
from orchestration.loader.write import Batches, alone

if TYPE_CHECKING:
    import dlt

# As they lie on disk; text may be twenty times that once it is unpacked.
UNIT_BYTES = 8 * 1024 * 1024


def load_landing(
    contracts: Sequence[Contract],
    roots: Mapping[str, Path],
    pipeline: dlt.Pipeline,
    readers: Readers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Append every new file of every contract to the pipeline's warehouse.

    Rows are committed first and `raw.loads` last; rows whose load is not in `raw.loads` are the
    leftovers of a run that died, and the next one deletes them before it loads the file again.
    A second loader on the same pipeline waits until the first is through.

    Raises:
        ContractError: for a contract with which no file can be read.
    """
    with alone(pipeline), connection() as con:
        stored = stored_tables(contracts, pipeline)
        load, history = Load(con, readers, progress), read_history(stored, pipeline)
        pending: dict[tuple[str, ...], LandedFile] = {}
        for contract in contracts:
            files = list(landed_files(contract, roots))
            for file in files:
                # An append stream reads the same bytes under two names once.
                name = file.name if contract.mode == "snapshot" or file.problem else ""
                key = (contract.name, file.sha256, name)
                if history.knows(file) or key in pending:
                    load.report.files_unchanged += 1
                else:
                    pending[key] = file
            if contract.mode == "snapshot":
                gone = history.gone(contract, files)
                load.loads += [new_load(contract, name, "removed") for name in gone]
        load.report.files_removed = len(load.loads)

        check(con, {file.contract.name: file.contract for file in pending.values()})
        batches = _load_all(load, history, list(pending.values())) if pending else None
        commit(load, contracts, stored, pipeline, batches)
        return load.report


def _load_all(load: Load, history: History, pending: Sequence[LandedFile]) -> Batches:
    for unit in _units(pending):
        yield from _load_unit(load, history, unit)


def _units(pending: Sequence[LandedFile]) -> Iterator[list[LandedFile]]:
    """Files to read together: a file once for all its streams, small files many at a time."""
    unit: list[LandedFile] = []
    size = 0
    for _, files in groupby(sorted(pending, key=lambda file: file.path), lambda f: f.path):
        same_path = list(files)
        if unit and size + same_path[0].size_bytes > UNIT_BYTES:
            yield unit
            unit, size = [], 0
        unit += same_path
        size += same_path[0].size_bytes
    if unit:
        yield unit


def _load_unit(load: Load, history: History, unit: Sequence[LandedFile]) -> Batches:
    new_batch(load.con)
    numbers: dict[Path, int] = {}
    problems: dict[Path, str] = {}
    for file in unit:
        if file.path in numbers:
            continue
        numbers[file.path] = len(numbers)
        load.progress(f"reading {file.name}")
        try:
            append_batch(load.con, file, numbers[file.path], load.readers)
        except UnreadableFileError as error:
            problems[file.path] = str(error)

    by_stream: dict[str, list[tuple[int, dict[str, Any], LandedFile]]] = {}
    for file in unit:
        problem = problems.get(file.path)
        row = new_load(file.contract, file.name, "rejected" if problem else "loaded")
        row |= {"sha256": file.sha256, "size_bytes": file.size_bytes, "problem": problem}
        if problem:
            load.report.reject(file.name, problem)
        else:
            load.report.files_loaded += 1
            by_stream.setdefault(file.contract.name, []).append((numbers[file.path], row, file))
        if problem and history.was_rejected(file, problem):
            load.report.files_unchanged += 1
        else:
            load.loads.append(row)
    for members in by_stream.values():
        rows = {number: row for number, row, _ in members}
        yield from project(load, members[0][2].contract, rows)
