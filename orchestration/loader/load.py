"""Load what is new in the landing folder into `raw`, exactly once, losing nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.loader.batch import Load, new_load
from orchestration.loader.contract import Contract
from orchestration.loader.files import Finder, Hashes, LandedFile, UnreadableFileError
from orchestration.loader.history import History, read_history
from orchestration.loader.raw import count_rows, create_tables, delete_leftovers, unaccounted
from orchestration.loader.read import PIECE_BYTES, Readers, append_batch, append_lines, new_batch
from orchestration.loader.report import LoadReport
from orchestration.warehouse import Warehouse


def load_landing(
    contracts: Sequence[Contract],
    roots: Mapping[str, Path],
    warehouse: Warehouse,
    readers: Readers,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> LoadReport:
    """Append every new file of every contract to the warehouse.

    Rows are committed first and `raw.loads` last; leftovers of a load that died are deleted, and
    the files that they came from are read again. A second loader waits until the first is through.

    Raises:
        ContractError: for a contract with which no file can be read.
        duckdb.IOException: another program has the warehouse open.
    """
    with warehouse.opened() as con:
        create_tables(con, contracts)
        count_rows(con, contracts)
        delete_leftovers(con)
        history = read_history(con)
        hashes = Hashes(warehouse.folder / "hashes.json")
        load = Load(con, warehouse.folder)
        pending = _pending(load, history, contracts, Finder(roots, hashes))
        load.check({file.contract.name: file.contract for file in pending})
        _read(load, history, pending, readers, progress)
        load.commit()
        hashes.save()
        if load.loads:
            count_rows(con, contracts)
        load.report.unaccounted = unaccounted(con, contracts)
        return load.report


def _pending(
    load: Load, history: History, contracts: Sequence[Contract], finder: Finder
) -> list[LandedFile]:
    """The files to be read. A snapshot's files that are gone become loads without rows."""
    pending: dict[tuple[str, ...], LandedFile] = {}
    for contract in contracts:
        names: set[str] = set()
        for file in finder.files(contract):
            names.add(file.name)
            # An append stream reads the same bytes under two names once.
            name = file.name if contract.mode == "snapshot" or file.problem else ""
            key = (contract.name, file.sha256, name)
            if history.knows(file) or key in pending:
                load.report.files_unchanged += 1
            else:
                pending[key] = file
        unlisted = finder.unlisted(contract)
        for folder, problem in unlisted.items():
            load.report.reject(folder, problem)
        if contract.mode == "snapshot" and not unlisted:
            gone = history.gone(contract, names)
            load.loads += [new_load(contract, name, "removed") for name in gone]
    load.report.files_removed = len(load.loads)
    return list(pending.values())


def _read(
    load: Load,
    history: History,
    pending: Sequence[LandedFile],
    readers: Readers,
    progress: Callable[[str], None],
) -> None:
    """Read each file once for all its streams, in batches of some files, or of a part of one."""
    batch = _Batch(load)
    by_path = groupby(sorted(pending, key=lambda file: file.path), lambda file: file.path)
    for number, (_, same_path) in enumerate(by_path):
        files = list(same_path)
        progress(f"reading {files[0].name}")
        loads = [
            new_load(f.contract, f.name, "loaded", sha256=f.sha256, size_bytes=f.size_bytes)
            for f in files
        ]
        members = [(file.contract, row) for file, row in zip(files, loads, strict=True)]
        try:
            for size, is_last in append_batch(load.con, files[0], number, readers, batch.waiting):
                batch.add(number, members, size, is_last=is_last)
        except UnreadableFileError as error:
            batch.remove(number)
            load.abandoned |= {row["_load_id"] for row in loads if row["records"]}
            _reject(load, history, files, str(error))
        else:
            load.report.files_loaded += len(files)
            load.loads += loads
    batch.flush()


def _reject(load: Load, history: History, files: Sequence[LandedFile], problem: str) -> None:
    for file in files:
        load.report.reject(file.name, problem)
        if history.was_rejected(file, problem):
            load.report.files_unchanged += 1
        else:
            facts = {"sha256": file.sha256, "size_bytes": file.size_bytes, "problem": problem}
            load.loads.append(new_load(file.contract, file.name, "rejected", **facts))


class _Batch:
    """The files in the table `batch`, by stream, and the lines that are yet to get there."""

    def __init__(self, load: Load) -> None:
        self.waiting: list[pa.Table] = []
        self._load = load
        self._streams: dict[str, tuple[Contract, dict[int, dict[str, Any]]]] = {}
        self._split: set[int] = set()
        self._bytes = 0
        new_batch(load.con)

    def add(
        self,
        number: int,
        members: Sequence[tuple[Contract, dict[str, Any]]],
        size: int,
        *,
        is_last: bool,
    ) -> None:
        """Take note of what was appended to the table; write all of it once it is much."""
        for contract, row in members:
            self._streams.setdefault(contract.name, (contract, {}))[1][number] = row
        if not is_last:
            self._split.add(number)
        self._bytes += size
        if self._bytes >= PIECE_BYTES:
            self.flush()

    def remove(self, number: int) -> None:
        """Leave out a file of which nothing can be trusted."""
        for _, loads in self._streams.values():
            loads.pop(number, None)

    def flush(self) -> None:
        """Judge and write what is in the table, and empty it."""
        append_lines(self._load.con, self.waiting)
        for contract, loads in self._streams.values():
            if loads:
                self._load.judge(contract, loads, self._split)
                self._load.write(contract, loads)
        self._streams = {}
        self._bytes = 0
        new_batch(self._load.con)
