"""Git repositories and folders: files that people write beside their code, into the landing folder.

Catalog files, postmortems and objectives of services are where their teams work. Each repository
states which of its files go into which folder of the landing folder; there they mirror the
repository's current files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pathspec

from orchestration.http import AccessError, SourceError
from orchestration.landing import Landing
from orchestration.vendors import base
from orchestration.vendors.git.clone import Clone
from orchestration.vendors.git.settings import GitConfig, Repository

MAX_FILES = 20_000
MAX_NAME_BYTES = 255


class Git:
    """All of them, independently; see `Extractor`. The cursor `folders` names those filled."""

    def __init__(self, config: GitConfig, context: base.Context) -> None:
        self._config, self._context = config, context
        self.requests = 0

    def check(self) -> str:
        for repository in self._config.repositories:
            if repository.folder is None:
                Clone(repository, self._config, self._context, Path()).probe()
            else:
                self._local_folder(repository)
        return f"{len(self._config.repositories):,} repositories and folders"

    def sync(self, landing: Landing) -> None:
        errors: list[SourceError] = []
        for repository in self._config.repositories:
            try:
                self._sync_one(repository, landing)
            except SourceError as error:
                landing.abandon()
                errors.append(error)
            except PermissionError as error:
                landing.abandon()
                what = f"git: {repository.label}: {error.filename} may not be read"
                errors.append(AccessError(f"{what}; let the user that runs paydown read it"))
        current = {f for one in self._config.repositories for f in one.folders.values()}
        filled = landing.cursors.get("folders", [])
        landing.remove(_placed(landing.root, set(filled) - current))
        landing.commit(folders=[folder for folder in filled if folder in current])
        if errors:
            # One kind of error if all are alike: missing access isn't an outage.
            kind = type(errors[0]) if len({*map(type, errors)}) == 1 else SourceError
            raise kind(" | ".join(map(str, errors)))

    def _sync_one(self, repository: Repository, landing: Landing) -> None:
        """Make the repository's folders have exactly the files of its `paths`."""
        if repository.folder is None:
            folder = landing.cache / f"{repository.label}.git"
            clone = Clone(repository, self._config, self._context, folder)
            try:
                ids = clone.files()
                wanted = _chosen(repository, ids, repository.ref)
                contents = clone.read([ids[path] for path in wanted.values()])
            finally:
                self.requests += clone.requests
        else:
            folder = self._local_folder(repository)
            wanted = _chosen(repository, _local_files(folder, landing.root), str(folder))
            contents = ((folder / path).read_bytes() for path in wanted.values())
        there = {*_placed(landing.root, repository.folders.values())}
        changed = 0
        for name, content in zip(wanted, contents, strict=True):
            if name not in there or (landing.root / name).read_bytes() != content:
                landing.place(name, content)
                changed += 1
        gone = sorted(there - wanted.keys())
        landing.remove(gone)
        filled = {*landing.cursors.get("folders", ()), *repository.folders.values()}
        landing.commit(folders=sorted(filled))
        count = changed + len(gone)
        self._context.progress(f"git {repository.label}: {len(wanted):,} files, {count:,} new")

    def _local_folder(self, repository: Repository) -> Path:
        folder = self._context.base_folder / Path(repository.folder or "").expanduser()
        if not folder.is_dir():
            raise SourceError(
                f"git: {repository.label}: no such folder: {folder}; correct it, or remove it "
                "from sources.yaml"
            )
        return folder


def _chosen(repository: Repository, files: Iterable[str], where: str) -> dict[str, str]:
    """The files of its `paths`, by their path in the landing folder."""
    files, name = list(files), f"git: {repository.label}"
    chosen: dict[str, str] = {}
    for target, folder in repository.folders.items():
        patterns = repository.paths[target]
        spec = pathspec.GitIgnoreSpec.from_lines(patterns)
        matched = [path for path in files if spec.match_file(path)]
        if not matched:
            raise SourceError(
                f"{name}: no file of {where} matches {' or '.join(patterns)}; correct "
                f"paths.{target}, or remove it"
            )
        for path in matched:
            # The loader skips hidden files, so their dot is written as %2E; that also rules out `.`
            # and `..` as parts.
            parts = [
                f"%{ord(part[0]):02X}{part[1:]}" if part.startswith((".", "%")) else part
                for part in path.split("/")
            ]
            if max(len(os.fsencode(part)) for part in parts) > MAX_NAME_BYTES:
                raise SourceError(f"{name}: the name of {path!a} is too long; rename it there")
            chosen["/".join([folder, *parts])] = path
    if len(chosen) > MAX_FILES:
        raise SourceError(
            f"{name}: {len(chosen):,} files match, at most {MAX_FILES:,} are read; narrow its paths"
        )
    return chosen


def _local_files(folder: Path, landing: Path) -> Iterator[str]:
    """Plain files below the folder, without those of git itself and those placed by us.

    Raises:
        OSError: something can't be listed, which would look like a deletion.
    """

    def stop(error: OSError) -> None:
        raise error

    for parent, folders, names in os.walk(folder, onerror=stop):
        folders[:] = [
            name
            for name in folders
            if name != ".git" and Path(parent, name).resolve() != landing.resolve()
        ]
        for path in (Path(parent, name) for name in names):
            if stat.S_ISREG(path.lstat().st_mode):
                yield path.relative_to(folder).as_posix()


def _placed(root: Path, folders: Iterable[str]) -> Iterator[str]:
    """The files in these folders, as paths below the landing folder."""
    for folder in folders:
        for parent, _, names in os.walk(root / folder):
            for name in names:
                yield Path(parent, name).relative_to(root).as_posix()
