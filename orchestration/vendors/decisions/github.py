"""Pull requests by GitHub's REST API: one is opened or updated, others are read as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.http import (
    Http,
    Patience,
    RefusedError,
    SourceError,
    UnknownOutcomeError,
)

VERSION = {"X-GitHub-Api-Version": "2022-11-28", "Accept": "application/vnd.github+json"}
PAGE = 100
MAX_PAGES = 20
SHOWN_CHARACTERS = 2000


class GitHub:
    """The pull requests of one repository."""

    def __init__(
        self, url: str, owner: str, name: str, token: str, token_env: str, patience: Patience
    ) -> None:
        self._owner, self._path = owner, f"/repos/{owner}/{name}"
        self.http = Http(
            "github",
            url,
            credentials={"Authorization": f"Bearer {token}"},
            headers=VERSION,
            access_hint=f"give the token in {token_env} read and write access to contents and "
            "pull requests of the repository",
            settings="sources.yaml (decisions: api_url) or GITHUB_API_URL",
            patience=patience,
        )

    def propose(
        self, branch: str, base: str, title: str, body: str, commit: str
    ) -> tuple[str, str]:
        """Ensure one open pull request with this text; returns its address, and what was done:
        opened, updated, unchanged, or closed if people closed it with this exact commit.

        Raises:
            SourceError: GitHub refuses, or can't be reached.
        """
        wanted = {"title": title, "body": body}
        if (found := self._find(branch, base)) is None:
            for closed in self._listed(branch, base, "closed"):
                if (closed.get("head") or {}).get("sha") == commit and not closed.get("merged_at"):
                    return str(closed["html_url"]), "closed"
            try:
                made = self.http.write(
                    "POST", f"{self._path}/pulls", {**wanted, "head": branch, "base": base}
                )
                return str(made.data["html_url"]), "opened"
            except (RefusedError, UnknownOutcomeError):
                # Another run was faster, or it was opened and the answer got lost.
                if (found := self._find(branch, base)) is None:
                    raise
        if all((found.get(key) or "") == value for key, value in wanted.items()):
            return str(found["html_url"]), "unchanged"
        self.http.write("PATCH", f"{self._path}/pulls/{found['number']}", wanted)
        return str(found["html_url"]), "updated"

    def of_commit(self, sha: str) -> dict[str, Any] | None:
        """The merged pull request of a commit, with reviews and comments, or None.

        Raises:
            SourceError: GitHub refuses, or can't be reached.
        """
        found = self._rows(f"{self._path}/commits/{sha}/pulls", {"per_page": PAGE})
        merged = [one for one in found if one.get("merged_at")]
        if not merged:
            return None
        number = merged[0]["number"]
        whole = self.http.get(f"{self._path}/pulls/{number}").data or {}
        remarks = [
            {
                "kind": kind,
                "by": (one.get("user") or {}).get("login"),
                "at": one.get("submitted_at") or one.get("created_at"),
                "state": (one.get("state") or "commented").lower(),
                "body": (one.get("body") or "")[:SHOWN_CHARACTERS],
            }
            for kind, path in (
                ("review", f"pulls/{number}/reviews"),
                ("comment", f"issues/{number}/comments"),
            )
            for one in self._pages(f"{self._path}/{path}")
        ]
        return {
            "number": number,
            "url": whole.get("html_url"),
            "opened_by": (whole.get("user") or {}).get("login"),
            "merged_by": (whole.get("merged_by") or {}).get("login"),
            "merged_at": whole.get("merged_at"),
            "remarks": remarks,
        }

    def _find(self, branch: str, base: str) -> dict[str, Any] | None:
        return next(iter(self._listed(branch, base, "open")), None)

    def _listed(self, branch: str, base: str, state: str) -> list[dict[str, Any]]:
        params = {"head": f"{self._owner}:{branch}", "base": base, "state": state}
        found = self._rows(f"{self._path}/pulls", {**params, "per_page": PAGE})
        # A server that ignores `head` would list those of others.
        return [one for one in found if (one.get("head") or {}).get("ref") == branch]

    def _pages(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, MAX_PAGES + 1):
            rows = self._rows(path, {"per_page": PAGE, "page": page})
            found += rows
            if len(rows) < PAGE:
                break
        return found

    def _rows(self, path: str, params: Mapping[str, str | int]) -> list[dict[str, Any]]:
        data = self.http.get(path, dict(params)).data
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            raise SourceError(f"github: {path}: answered without a list; correct api_url")
        return data
