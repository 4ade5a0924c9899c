"""GitHub for tests: git's own HTTP server, which takes pushes, and the API of pull requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .loopback import Answer, Request
from .vendor_git import GitServer, Remote

TOKEN = "ghp_3f9a77c1"  # noqa: S105


class GitHubServer(GitServer):
    """One repository at `/acme/platform.git`, its API below `/api`.

    Attributes:
        pulls: the pull requests, oldest first, as the API shows them.
        reviews, comments: of a pull request, by its number.
        commits: the pull request that a commit came by.
    """

    def __init__(self, remote: Remote) -> None:
        super().__init__(remote, "x-access-token", TOKEN)
        self.remote = remote
        remote.git("config", "http.receivepack", "true")
        self.pulls: list[dict[str, Any]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.commits: dict[str, int] = {}
        self.pushes = 0

    def now(self) -> datetime:
        return datetime(2026, 6, 26, 16, tzinfo=UTC)

    def answer(self, request: Request) -> Answer:
        prefix = "/acme/platform.git"
        if request.path.startswith(prefix):
            self.pushes += request.path.endswith("git-receive-pack") and request.method == "POST"
            return super().answer(replace(request, path="/r.git" + request.path[len(prefix) :]))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"message": "Bad credentials"}, 401)
        path = request.path.removeprefix("/api/repos/acme/platform")
        if path == "/pulls":
            return self._list(request) if request.method == "GET" else self._open(request.body)
        if path.startswith("/commits/"):
            number = self.commits.get(path.split("/")[2])
            return Answer([self.pulls[number - 1]] if number else [])
        number = int(path.split("/")[2])
        if path.endswith("/reviews"):
            return Answer(self.reviews.get(number, []))
        if path.endswith("/comments"):
            return Answer(self.comments.get(number, []))
        if request.method == "PATCH":
            self.pulls[number - 1] |= request.body
        return Answer(self.pulls[number - 1])

    def _list(self, request: Request) -> Answer:
        owner, _, branch = request.one("head").partition(":")
        assert owner == "acme"
        return Answer([
            one
            for one in self.pulls
            if one["head"]["ref"] == branch
            and one["base"]["ref"] == request.one("base")
            and one["state"] == request.one("state")
        ])  # fmt: skip

    def _open(self, body: dict[str, Any]) -> Answer:
        assert set(body) == {"title", "body", "head", "base"}
        is_open = [
            one
            for one in self.pulls
            if (one["head"]["ref"], one["state"]) == (body["head"], "open")
        ]
        try:
            sha = self.remote.git("rev-parse", "--verify", f"refs/heads/{body['head']}")
        except Exception:
            return Answer({"message": "Validation Failed: head is invalid"}, 422)
        if is_open:
            return Answer({"message": "A pull request already exists"}, 422)
        number = len(self.pulls) + 1
        made = {
            "number": number,
            "html_url": f"https://github.example/acme/platform/pull/{number}",
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "head": {"ref": body["head"], "sha": sha},
            "base": {"ref": body["base"]},
            "user": {"login": "modernization-bot"},
            "merged_at": None,
            "merged_by": None,
        }
        self.pulls.append(made)
        return Answer(made, 201)
