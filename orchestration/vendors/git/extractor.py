"""Git repositories and folders: files that people write beside their code, into the landing folder.

Catalog files, postmortems and objectives of services lie where their teams work. Each repository
says which of its files go into which folder of the landing folder; there they are what the
repository holds now.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pathspec

from orchestration.http import SourceError
from orchestration.landing import Landing
from orchestration.vendors.base import Context, secret
from orchestration.vendors.git.clone import Clone, Limits
from orchestration.vendors.git.settings import GitSettings, Repository

MAX_FILES = 20_000
MAX_BYTES = 256 * 1024 * 1024
MAX_NAME_BYTES = 255


class GitConfig(GitSettings):
    """The settings, and the way from them to an extractor."""

    def extractor(self, context: Context) -> Git:
        if not self.repositories:
            raise SourceError("git: has no repositories; list them under git in sources.yaml")
        return Git(self, context)


class Git:
    """All of them, each for itself; see `Extractor`. The cursor `folders` names those filled."""

    def __init__(self, config: GitConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._clones: list[Clone] = []

    @property
    def requests(self) -> int:
        return sum(clone.requests for clone in self._clones)

    def check(self) -> str:
        for repository in self._config.repositories:
            if repository.folder is None:
                self._clone(repository, Path()).probe(repository.ref)
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
        current = {one for repository in self._config.repositories for one in repository.folders}
        filled = landing.cursors.get("folders", [])
        landing.remove(_placed(landing.root, set(filled) - current))
        landing.commit(folders=[folder for folder in filled if folder in current])
        if errors:
            # One kind of error if all are of it: missing access is no outage.
            kind = type(errors[0]) if len({*map(type, errors)}) == 1 else SourceError
            raise kind(" | ".join(map(str, errors)))

    def _sync_one(self, repository: Repository, landing: Landing) -> None:
        """Make the repository's folders hold the files of its `paths` and no others."""
        if repository.folder is None:
            clone = self._clone(repository, landing.cache / f"{repository.label}.git")
            ids = clone.files(repository.ref)
            wanted = _chosen(repository, ids, repository.ref)

            def read(paths: list[str]) -> Iterable[bytes]:
                return clone.read([ids[path] for path in paths], MAX_BYTES)
        else:
            folder = self._local_folder(repository)
            wanted = _chosen(repository, _local_files(folder, landing.root), str(folder))
            ids = {path: _blob_id(folder / path) for path in wanted.values()}

            def read(paths: list[str]) -> Iterable[bytes]:
                return ((folder / path).read_bytes() for path in paths)

        there = {*_placed(landing.root, repository.folders)}
        changed = [
            name
            for name, path in wanted.items()
            if name not in there or _blob_id(landing.root / name, len(ids[path])) != ids[path]
        ]
        for name, content in zip(changed, read([wanted[name] for name in changed]), strict=True):
            landing.place(name, content)
        gone = sorted(there - wanted.keys())
        landing.remove(gone)
        filled = {*landing.cursors.get("folders", ()), *repository.folders}
        landing.commit(folders=sorted(filled))
        count = len(changed) + len(gone)
        self._context.progress(f"git {repository.label}: {len(wanted):,} files, {count:,} new")

    def _clone(self, repository: Repository, folder: Path) -> Clone:
        name, token = repository.token_env, None
        if name:
            token = secret(self._context, name, f"git: {repository.label}", "a read-only token")
        hint = (
            f"put a token that may read it into {name}"
            if name
            else "set token_env for it, or let git's own helper or key know it"
        )
        clone = Clone(
            repository.label,
            repository.url or "",
            folder,
            environment=self._context.environment,
            credentials=(repository.user, token) if token else None,
            access_hint=hint,
            limits=Limits(self._config.timeout_seconds, self._config.max_megabytes << 20),
            patience=self._context.patience,
        )
        self._clones.append(clone)
        return clone

    def _local_folder(self, repository: Repository) -> Path:
        folder = self._context.base_folder / Path(repository.folder or "").expanduser()
        if not folder.is_dir():
            raise SourceError(f"git: {repository.label}: there is no folder {folder}; correct it")
        return folder


def _chosen(repository: Repository, files: Iterable[str], where: str) -> dict[str, str]:
    """The files of its `paths`, by their place in the landing folder."""
    files = list(files)
    chosen: dict[str, str] = {}
    for target, patterns in repository.paths.items():
        spec = pathspec.GitIgnoreSpec.from_lines(patterns)
        matched = [path for path in files if spec.match_file(path)]
        if not matched:
            raise SourceError(
                f"git: {repository.label}: no file of {where} matches "
                f"{' or '.join(patterns)}; correct paths.{target}, or remove it"
            )
        for path in matched:
            name = _landing_name(repository.folder_of(target), path)
            if max(len(os.fsencode(part)) for part in name.split("/")) > MAX_NAME_BYTES:
                what = f"{path!a} has too long a name"
                raise SourceError(f"git: {repository.label}: {what}; rename it there")
            chosen[name] = path
    if len(chosen) > MAX_FILES:
        raise SourceError(
            f"git: {repository.label}: {len(chosen):,} files match, at most {MAX_FILES:,} are "
            "read; narrow its paths"
        )
    return chosen


def _local_files(folder: Path, landing: Path) -> Iterator[str]:
    """Plain files below the folder, but not those of git itself nor those placed by us."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name != ".git" and Path(parent, name).resolve() != landing.resolve()
        ]
        for path in (Path(parent, name) for name in names):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _landing_name(folder: str, path: str) -> str:
    """The place of a repository's file. The loader passes over hidden files, so their dot is
    written as %2E; that also leaves no part that is `.` or `..`."""
    parts = (
        f"%{ord(part[0]):02X}{part[1:]}" if part.startswith((".", "%")) else part
        for part in path.split("/")
    )
    return f"{folder}/{'/'.join(parts)}"


def _placed(root: Path, folders: Iterable[str]) -> Iterator[str]:
    """The files in these folders, as paths below the landing folder."""
    for folder in folders:
        for parent, _, names in os.walk(root / folder):
            for name in names:
                yield Path(parent, name).relative_to(root).as_posix()


def _blob_id(path: Path, digits: int = 40) -> str:
    """What git calls the file's content: SHA-1 in 40 digits, SHA-256 in 64."""
    content = path.read_bytes()
    digest = hashlib.sha256 if digits == 64 else hashlib.sha1
    return digest(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
