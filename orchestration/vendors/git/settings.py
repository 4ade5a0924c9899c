"""Settings of the source `git`: which repositories and folders, and which files of them."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from orchestration.documents.strict import Number, Strict, invalid, matching
from orchestration.http import SourceError
from orchestration.vendors import base

# Without `ext`, which runs commands, and the unauthenticated `git`.
PROTOCOLS = ("https", "http", "ssh", "file")
# Protocols over which a token may be sent.
SAFE = re.compile(r"https://|http://(127\.[0-9.]+|localhost|\[::1\])[:/]")
_SSH = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:(?!//)\S+")
_URL = re.compile(r"([a-z]+)://(?:([^/@\s]*)@)?((?!-)[^/\s]*)/\S+")


def _url(value: str) -> str:
    if _SSH.fullmatch(value):
        return value
    match = _URL.fullmatch(value)
    if not match or match[1] not in PROTOCOLS:
        fix = "write it like https://example.com/team/repository.git or git@example.com:team/x.git"
        raise invalid("is not an address of a repository", fix)
    if match[2] and (match[1] != "ssh" or ":" in match[2]):
        raise invalid("holds a user name or password", "keep secrets in the environment")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_url)]
Ref = Annotated[
    str,
    Field(max_length=200),
    matching(
        r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/+-]*(?<![/.])(?<!\.lock)",
        "is not a name that git allows",
        "write a branch, a tag or a commit",
    ),
]
# Without the landing folder's own folders.
Target = Annotated[
    str,
    Field(max_length=100),
    matching(
        r"(?!(git|paydown)(/|$))[a-z][a-z0-9_]*(/[a-z0-9_]+)*",
        "is not a folder that may be filled",
        "name a source, such as backstage",
    ),
]
Patterns = Annotated[
    tuple[Annotated[str, StringConstraints(min_length=1, max_length=500)], ...],
    base.ONE_OR_SEVERAL,
    Field(min_length=1, max_length=50),
]


class Repository(Strict):
    """One repository (`url`) or folder (`folder`).

    Attributes:
        name: its folder in the landing folder; by default the last part of the address.
        ref: a branch, a tag or a commit; by default the remote's default branch.
        paths: by folder of the landing folder, patterns as in .gitignore: `docs/*.md`,
            `**/catalog-info.yaml`, `!vendor/**`; the last one that matches decides.
        token_env: variable with a token for https; by default git's own helpers are asked.
        user: the user name sent with the token; most hosts accept any.
    """

    url: Address | None = None
    folder: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    name: str = ""
    ref: Ref = "HEAD"
    paths: Annotated[dict[Target, Patterns], Field(min_length=1)]
    token_env: base.EnvName | None = None
    user: Annotated[str, Field(pattern=r"^[\w.@-]+$", max_length=100)] = "x-access-token"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.url is None) == (self.folder is None):
            raise invalid("needs a url or a folder, and not both", "name one")
        if self.token_env and not SAFE.match(self.url or ""):
            raise invalid("sends its token over https only", "correct the url", ["url"])
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", self.label, re.ASCII):
            raise invalid(f"can't be called {self.label!r}", "give it a name", ["name"])
        return self

    @property
    def label(self) -> str:
        last = re.split(r"[/:]", (self.url or self.folder or "").rstrip("/"))[-1]
        return self.name or last.removesuffix(".git")

    @property
    def folders(self) -> dict[str, str]:
        """Where the files of each of its `paths` go, below the landing folder."""
        return {target: f"{target}/git/{self.label}" for target in self.paths}


class GitConfig(base.SourceConfig):
    """Which repositories and folders, and limits of size and time."""

    repositories: list[Repository] = Field(default_factory=list)
    timeout_seconds: Annotated[Number, Field(gt=0, le=7200)] = 600
    max_megabytes: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1024

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        labels = [repository.label for repository in self.repositories]
        for label in labels:
            if labels.count(label) > 1:
                raise invalid(f"has two repositories called {label}", "give each a name of its own")
        return self

    def extractor(self, context: base.Context) -> base.Extractor:
        from orchestration.vendors.git.extractor import Git

        if not self.repositories:
            raise SourceError("git: has no repositories; list them under git in sources.yaml")
        return Git(self, context)
