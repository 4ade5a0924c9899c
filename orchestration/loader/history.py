"""What was loaded before: which contents, and what each file was when it was last read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.loader.contract import Contract
from orchestration.loader.files import LandedFile


@dataclass(frozen=True)
class Seen:
    """The last row of `raw.loads` for a content or for a file."""

    sha256: str
    status: str
    problem: str | None
    has_quarantined: bool
    contract: str | None

    def settles(self, file: LandedFile) -> bool:
        """Whether reading the file again would bring nothing.

        A rejected file is tried again, since its problem may have been the contract or the way to
        the file. So are quarantined records, and all of a snapshot, once the contract has changed.
        """
        depends_on_contract = self.has_quarantined or file.contract.mode == "snapshot"
        return (
            self.sha256 == file.sha256
            and self.status == "loaded"
            and (self.contract == file.contract.fingerprint or not depends_on_contract)
        )


@dataclass(frozen=True)
class History:
    """`raw.loads` by source, stream and content, and by source, stream and file."""

    contents: Mapping[tuple[str, str, str], Seen]
    files: Mapping[tuple[str, str, str], Seen]

    def knows(self, file: LandedFile) -> bool:
        """Whether loading the file would bring nothing.

        An append stream knows the bytes, under whatever name. A snapshot compares with what the
        file was last: going back to an older content is a change.
        """
        stream = (file.contract.source, file.contract.stream)
        if file.contract.mode == "append":
            seen = self.contents.get((*stream, file.sha256))
        else:
            seen = self.files.get((*stream, file.name))
        return seen is not None and seen.settles(file)

    def was_rejected(self, file: LandedFile, problem: str) -> bool:
        """Whether these bytes were rejected for the same problem before."""
        seen = self.files.get((file.contract.source, file.contract.stream, file.name))
        return seen is not None and (seen.sha256, seen.problem) == (file.sha256, problem)

    def gone(self, contract: Contract, names: Collection[str]) -> list[str]:
        """Names of a snapshot's files that existed and are not among `names` any more."""
        return [
            name
            for (source, stream, name), seen in self.files.items()
            if (source, stream) == (contract.source, contract.stream)
            and seen.status != "removed"
            and name not in names
        ]


def read_history(con: duckdb.DuckDBPyConnection) -> History:
    """The history in `raw.loads`; empty for a new warehouse."""
    contents: dict[tuple[str, str, str], Seen] = {}
    files: dict[tuple[str, str, str], Seen] = {}
    rows = con.execute(
        """
        select source, stream, file, sha256, status, problem, rows_quarantined > 0, contract
        from raw.loads
        order by _loaded_at
        """
    ).fetchall()
    for source, stream, file, *rest in rows:
        seen = Seen(*rest)
        files[source, stream, file] = seen
        if seen.status != "removed":
            contents[source, stream, seen.sha256] = seen
    return History(contents, files)
