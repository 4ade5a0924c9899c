"""Git repositories and folders: files that people write beside their code, into the landing folder.

Catalog files, postmortems and objectives of services lie where their teams work. Each repository
says which of its files go into which folder of the landing folder; there they are what the
repository holds now.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

import pathspec
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orchestration.http import SourceError
from orchestration.landing import JOURNAL, Landing
from orchestration.rubric.strict import Number, Strict, fault
from orchestration.vendors.base import Context, EnvName, SourceConfig, secret
from orchestration.vendors.git_clone import PROTOCOLS, Blob, Clone, Limits
from orchestration.vendors.git_placing import Placer, blob_id, landing_name

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
    """All of them, each for itself; see `Extractor`."""

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
        placer = Placer(landing)
        placer.finish()
        faults: list[SourceError] = []
        for repository in self._config.repositories:
            try:
                self._sync_one(repository, landing, placer)
            except SourceError as error:
                faults.append(error)
        current = {
            repository.folder_of(target)
            for repository in self._config.repositories
            for target in repository.paths
        }
        placer.drop(folder for folder in placer.folders if folder not in current)
        if faults:
            # One kind of error if all are of it, so that access is told from a fault.
            kind = type(faults[0]) if len({*map(type, faults)}) == 1 else SourceError
            raise kind(" | ".join(map(str, faults)))

    def _sync_one(self, repository: Repository, landing: Landing, placer: Placer) -> None:
        if repository.folder is None:
            clone = self._clone(repository, landing.cache / f"{repository.label}.git")
            commit = clone.fetch(repository.ref)
            wanted = _chosen(repository, clone.files(commit), f"{repository.ref} ({commit[:10]})")
            ids = {name: blob.id for name, blob in wanted.items()}
            read = clone.read
        else:
            folder = self._local_folder(repository)
            files = _local_files(folder, landing.root)
            wanted = _chosen(repository, files, str(folder))
            ids = {name: blob_id(folder / blob.path) for name, blob in wanted.items()}

            def read(blobs: list[Blob]) -> Iterable[bytes]:
                return ((folder / blob.path).read_bytes() for blob in blobs)

        changed = placer.place(
            [repository.folder_of(target) for target in repository.paths],
            ids,
            lambda names: read([wanted[name] for name in names]),
        )
        self._context.progress(f"git {repository.label}: {len(wanted):,} files, {changed:,} new")

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


def _chosen(repository: Repository, files: Iterable[Blob], where: str) -> Mapping[str, Blob]:
    """The files of its `paths`, by their place in the landing folder."""
    specs = {
        target: pathspec.GitIgnoreSpec.from_lines(patterns)
        for target, patterns in repository.paths.items()
    }
    counts = dict.fromkeys(specs, 0)
    chosen: dict[str, Blob] = {}
    for blob in files:
        for target, spec in specs.items():
            if spec.match_file(blob.path):
                counts[target] += 1
                name = landing_name(repository.folder_of(target), blob.path)
                if max(len(os.fsencode(part)) for part in name.split("/")) > MAX_NAME_BYTES:
                    what = f"{blob.path!a} has too long a name"
                    raise SourceError(f"git: {repository.label}: {what}; rename it there")
                chosen[name] = blob
    for target, count in counts.items():
        if not count:
            raise SourceError(
                f"git: {repository.label}: no file of {where} matches "
                f"{' or '.join(repository.paths[target])}; correct paths.{target}, or remove it"
            )
    size = sum(blob.size_bytes for blob in chosen.values())
    if len(chosen) > MAX_FILES or size > MAX_BYTES:
        raise SourceError(
            f"git: {repository.label}: {len(chosen):,} files of {size:,} bytes match, at most "
            f"{MAX_FILES:,} of {MAX_BYTES:,} bytes are taken; narrow its paths"
        )
    return chosen


def _local_files(folder: Path, landing: Path) -> Iterator[Blob]:
    """Plain files below the folder, but not those of git itself nor those placed by us."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name != ".git" and Path(parent, name).resolve() != landing.resolve()
        ]
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield Blob(path.relative_to(folder).as_posix(), "", path.stat().st_size)
