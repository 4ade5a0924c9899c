"""Which files exist, and hashes of their content."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from orchestration.loader.contract import Contract, ContractError

# Within it a file could be rewritten without a new timestamp, whose clock ticks slowly.
SETTLING_SECONDS = 5


@dataclass(frozen=True)
class LandedFile:
    """A file, or a folder that can't be listed.

    `file` is its name, stable across machines: the path below the landing folder, or, elsewhere,
    the root's name and the path below it. `problem` says why it may not or can't be opened.
    """

    path: Path
    file: str
    sha256: str = ""
    size_bytes: int = 0
    problem: str | None = None
    is_folder: bool = False


class Finder:
    """Finds the files of streams below the roots; several streams may read one file.

    Hashes are kept in the JSON file `store`, so that only changed files are read for theirs:
    changed in size, times of modification and of change, or inode.
    """

    def __init__(self, roots: Mapping[str, Path], store: Path) -> None:
        self._roots = roots
        self._found: dict[str, list[LandedFile]] = {}
        self._store = store
        self._used: dict[str, list[Any]] = {}
        try:
            self._kept: dict[str, list[Any]] = json.loads(store.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._kept = {}

    def files(self, contract: Contract) -> Iterator[LandedFile]:
        """The stream's files, by pattern and name. A pattern is `<root>:<glob>`.

        Raises:
            ContractError: for a root that doesn't exist.
        """
        seen: set[Path] = set()
        for pattern in contract.files:
            root, _, glob = pattern.partition(":")
            if root not in self._roots:
                raise ContractError(
                    f"{contract.defined_in}: source {contract.name}: files '{pattern}' begin at "
                    f"'{root}', which is none of {', '.join(self._roots)}"
                )
            if pattern not in self._found:
                walked = self._walk(root, glob.split("/"))
                self._found[pattern] = sorted(walked, key=lambda file: file.path)
            yield from (one for one in self._found[pattern] if one.path not in seen)
            seen |= {one.path for one in self._found[pattern]}

    def save(self) -> None:
        """Keep only the hashes of the files that were asked for."""
        if self._used != self._kept:
            fresh = self._store.with_suffix(".new")
            fresh.write_text(json.dumps(self._used), encoding="utf-8")
            fresh.replace(self._store)

    def _walk(self, root_name: str, pattern: Sequence[str]) -> Iterator[LandedFile]:
        root, is_deep = self._roots[root_name], "**" in pattern
        unlisted: list[OSError] = []
        plain = next(n for n, part in enumerate(pattern) if "*" in part or n == len(pattern) - 1)
        begin = root.joinpath(*pattern[:plain])
        for at, folders, names in os.walk(begin, onerror=unlisted.append, followlinks=not is_deep):
            parts = Path(at).relative_to(root).parts
            is_last = not is_deep and len(parts) + 1 >= len(pattern)
            folders[:] = [] if is_last else [one for one in folders if not one.startswith(".")]
            is_inside = _is_inside(Path(at), root)
            for name in names:
                path = Path(at, name)
                if not name.startswith(".") and fits((*parts, name), pattern) and is_file(path):
                    yield self._file(path, root_name, is_inside)
        for error in unlisted:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                problem = (
                    f"is a folder that can't be listed ({error.strerror}); let the loader's user "
                    "read it. What was loaded from it stays until then"
                )
                path = Path(os.fsdecode(error.filename))
                yield LandedFile(path, self._name(path, root_name), problem=problem, is_folder=True)

    def _file(self, path: Path, root_name: str, is_inside: bool) -> LandedFile:
        name, problem = self._name(path, root_name), None
        try:
            if path.is_symlink():
                is_inside = _is_inside(path, self._roots[root_name])
            if is_inside:
                return LandedFile(path, name, self._hash(path), path.stat().st_size)
            root = self._roots[root_name]
            problem = f"is a link to {path.resolve()}, outside {root}; put the file itself there"
        except OSError as error:
            problem = f"can't be opened ({error.strerror}); let the loader's user read it"
        return LandedFile(path, name, problem=problem)

    def _name(self, path: Path, root_name: str) -> str:
        below = path.relative_to(self._roots[root_name])
        name = below if root_name == "landing" else root_name / below
        # A name may be any bytes; what isn't UTF-8 in it is shown as \xNN.
        return os.fsencode(name.as_posix()).decode(errors="backslashreplace")

    def _hash(self, path: Path) -> str:
        state, key = _state(path), str(path)
        digest, *known = self._used.get(key) or self._kept.get(key) or [""]
        if known != state:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            is_settled = time.time_ns() - max(state[1:3]) > SETTLING_SECONDS * 10**9
            if not is_settled or _state(path) != state:
                return digest
        self._used[key] = [digest, *state]
        return digest


def is_file(path: Path) -> bool:
    """Whether it is a file, or can't be checked: then it has a problem of its own."""
    try:
        return path.is_file()
    except OSError:
        return True


def _state(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _is_inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches a glob, in which `**` is any number of folders."""
    if not pattern or not parts:
        return not pattern and not parts
    if pattern[0] == "**":
        return any(fits(parts[n:], pattern[1:]) for n in range(len(parts)))
    return fnmatchcase(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])
