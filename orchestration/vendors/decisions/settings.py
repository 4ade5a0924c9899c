"""Settings of the source `decisions`: which repository holds `prioritized.yaml`.

`paydown sync-decisions` pushes with the same settings. In a GitHub workflow the environment
provides all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from orchestration.documents.strict import Number, invalid, matching
from orchestration.http import SourceError
from orchestration.vendors import base
from orchestration.vendors.decisions.github import GitHub
from orchestration.vendors.git.history import History
from orchestration.vendors.git.settings import SAFE, Address, GitConfig, Ref, Repository

GITHUB = {"github.com": "https://api.github.com"}
_OWNER_AND_NAME = re.compile(r"(?:^|[/:])([\w.-]+)/([\w.-]+?)(?:\.git)?/?$")


def host_of(url: str) -> str:
    """The server in a repository's address, also in one like git@example.com:team/x.git."""
    return urlsplit(url).hostname or url.split(":")[0].rpartition("@")[2]


class DecisionsSettings(base.SourceConfig):
    """The repository, and access to its pull requests.

    Attributes:
        url: the repository; in a GitHub workflow by default its own.
        path: the file in it.
        base_branch: the branch whose file counts; by default the remote's default branch.
        branch: what `sync-decisions` pushes to, for the pull request.
        token_env: variable with a token that may push and open pull requests; over https only.
        api_url: GitHub's REST API; known for github.com, and in a workflow.
        name, email: the author of commits.
    """

    url: Address | None = None
    path: Annotated[
        str,
        Field(max_length=500),
        matching(
            r"(?!.*\.\.)[A-Za-z0-9][\w./-]*\.ya?ml",
            "is not the path of a YAML file",
            "write it like modernization/prioritized.yaml",
        ),
    ] = "modernization/prioritized.yaml"
    base_branch: Ref | None = None
    branch: Ref = "chore/update-modernization"
    token_env: base.EnvName = "GH_TOKEN"  # noqa: S105
    user: Annotated[str, Field(pattern=r"^[\w.@-]+$", max_length=100)] = "x-access-token"
    api_url: base.Url | None = None
    name: Annotated[str, Field(pattern=r"^[^<>\n]{1,100}$")] = "modernization-bot"
    email: Annotated[str, Field(pattern=r"^[^<>\s]{1,200}$")] = "modernization-bot@localhost"
    timeout_seconds: Annotated[Number, Field(gt=0, le=7200)] = 600
    max_megabytes: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1024

    @model_validator(mode="after")
    def _is_apart(self) -> Self:
        if self.base_branch == self.branch:
            fix = "name another one; the base changes by merging only"
            raise invalid("is the base itself", fix, ["branch"])
        return self

    def repository(self, environment: Mapping[str, str]) -> str:
        """Its address. SourceError: neither the file nor the environment has one."""
        server = environment.get("GITHUB_SERVER_URL", "https://github.com")
        own = environment.get("GITHUB_REPOSITORY", "")
        if not (url := self.url or (own and f"{server}/{own}")):
            raise SourceError(
                "decisions: has no url; write `decisions: {url: https://github.com/...}` in "
                "sources.yaml"
            )
        return url

    def history(self, context: base.Context, folder: Path) -> History:
        """The repository's history, kept in the folder; nothing is asked yet.

        Raises:
            SourceError: no url is known.
            AccessError: the token's variable has characters that no header may have.
        """
        url = self.repository(context.environment)
        has_token = SAFE.match(url) and context.environment.get(self.token_env, "").strip()
        repository = Repository(
            url=url,
            name="decisions",
            paths={"decisions": (self.path,)},
            token_env=self.token_env if has_token else None,
            user=self.user,
        )
        limits = GitConfig(timeout_seconds=self.timeout_seconds, max_megabytes=self.max_megabytes)
        author = {"user.name": self.name, "user.email": self.email}
        return History(repository, limits, context, folder, author)

    def github(self, context: base.Context) -> GitHub | None:
        """Its pull requests; None if it isn't on GitHub, or no token is set."""
        url = self.repository(context.environment)
        own = context.environment.get("GITHUB_API_URL") if not self.url else None
        api = self.api_url or own or GITHUB.get(host_of(url))
        found = _OWNER_AND_NAME.search(url)
        if not api or not found or not context.environment.get(self.token_env, "").strip():
            return None
        token = base.secret(context, self.token_env, "decisions", "a token for pull requests")
        return GitHub(api, found[1], found[2], token, self.token_env, context.patience)
