"""Git repositories and folders: files that people write beside their code, into the landing folder.

Catalog files, postmortems and objectives of services lie where their teams work. Each repository
says which of its files go into which folder of the landing folder; there they are what the
repository holds now.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self

import pathspec
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orchestration.documents.strict import Number, Strict, fault
from orchestration.http import SourceError
from orchestration.landing import JOURNAL, Landing
from orchestration.vendors.base import Context, EnvName, SourceConfig, secret
from orchestration.vendors.git_clone import PROTOCOLS, Clone, Limits

MAX_FILES = 20_000
MAX_BYTES = 256 * 1024 * 1024
MAX_NAME_BYTES = 255
# Where a token may go.
SAFE = re.compile(r"https://|http://(127\.[0-9.]+|localhost|\[::1\])[:/]")
_SSH = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!//)\S+")
_URL = re.compile(r"([a-z]+)://(?:([^/@\s]*)@)?([^/\s]*)/\S+")


def _url(value: str) -> str:
    if _SSH.fullmatch(value):
        return value
    match = _URL.fullmatch(value)
    if not match or match[1] not in PROTOCOLS:
        fix = "write it like https://example.com/team/repository.git or git@example.com:team/x.git"
        raise fault("is not an address of a repository", fix)
    if match[2] and (match[1] != "ssh" or ":" in match[2]):
        raise fault("holds a user name or password", "keep secrets in the environment")
    if match[1] == "ssh" and match[3].startswith("-"):
        raise fault("has no host", "write it like ssh://git@example.com/team/x.git")
    return value.rstrip("/")


def _ref(value: str) -> str:
    if ".." in value or value.endswith(("/", ".", ".lock")):
        raise fault("is no name that git allows", "write a branch, a tag or a commit")
    return value


def _patterns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _target(value: str) -> str:
    if value.split("/")[0] in ("git", JOURNAL.split("/")[0]):
        raise fault("is not yours to fill", "name a source, such as backstage")
    return value


Target = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*(/[a-z0-9_]+)*$", max_length=100),
    AfterValidator(_target),
]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Patterns = Annotated[
    tuple[Pattern, ...], BeforeValidator(_patterns), Field(min_length=1, max_length=50)
]


class Repository(Strict):
    """One repository (`url`) or folder (`folder`).

    Attributes:
        name: its folder in the landing folder; the last part of the address unless given.
        ref: a branch, a tag or a commit; the remote's own default branch unless given.
        paths: by folder of the landing folder, patterns as in .gitignore: `docs/*.md`,
            `**/catalog-info.yaml`, `!vendor/**`; the last one that matches decides.
        token_env: variable with a token for https; unless given, git's own helpers are asked.
        user: what stands for the user name beside the token; most hosts take any.
    """

    url: Annotated[str, AfterValidator(_url)] | None = None
    folder: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    name: str = ""
    ref: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/+-]*$", max_length=200),
        AfterValidator(_ref),
    ] = "HEAD"
    paths: Annotated[dict[Target, Patterns], Field(min_length=1)]
    token_env: EnvName | None = None
    user: Annotated[str, StringConstraints(pattern=r"^[\w.@-]+$", max_length=100)] = (
        "x-access-token"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.url is None) == (self.folder is None):
            raise fault("needs a url or a folder, and not both", "name one")
        if self.token_env and not SAFE.match(self.url or ""):
            raise fault("sends its token over https only", "correct the url", ["url"])
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", self.label, re.ASCII):
            raise fault(f"can't be called {self.label!r}", "give it a name", ["name"])
        return self

    @property
    def label(self) -> str:
        last = re.split(r"[/:]", (self.url or self.folder or "").rstrip("/"))[-1]
        return self.name or last.removesuffix(".git")

    @property
    def folders(self) -> list[str]:
        return [self.folder_of(target) for target in self.paths]

    def folder_of(self, target: str) -> str:
        """Where the files of one of its `paths` go, below the landing folder."""
        return f"{target}/git/{self.label}"


class GitConfig(SourceConfig):
    """Which repositories and folders, and how large and slow they may be."""

    repositories: list[Repository] = Field(default_factory=list)
    timeout_seconds: Annotated[Number, Field(gt=0, le=7200)] = 600
    max_megabytes: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1024

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        labels = [repository.label for repository in self.repositories]
        for label in labels:
            if labels.count(label) > 1:
                raise fault(f"has two repositories called {label}", "give each a name of its own")
        return self

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
            # One kind of error if all are of it, so that access is told from an outage.
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
