"""What the default branch says comes back: each version, who merged it, who approved which risk."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError

from .decision_helpers import PATH, Repository, config, propose
from .extraction import Source
from .loopback import serving
from .vendor_git import ENVIRONMENT
from .vendor_github import TOKEN, GitHubServer


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "platform")


def sync(root: Path, url: str, token: str = "", **more: Any) -> int:
    """One sync below `root`; the number of its requests."""
    environment = {**ENVIRONMENT, **({"GH_TOKEN": token} if token else {})}
    source = Source("decisions", environment, base_folder=root)
    return source.sync(root / "landing", config(url, **more))[0]


def commits(root: Path) -> list[dict[str, Any]]:
    text = gzip.decompress((root / "landing/decisions/commits/commits.ndjson.gz").read_bytes())
    return [json.loads(line) for line in text.splitlines()]


def versions(root: Path) -> set[str]:
    return {path.stem for path in (root / "landing/decisions/versions").glob("*.yaml")}


def test_every_version_of_the_default_branch_lands_with_who_merged(
    tmp_path: Path, remote: Repository
) -> None:
    assert sync(tmp_path, remote.url) == 2
    assert commits(tmp_path) == []
    propose(remote.url)
    # What is only proposed decides nothing.
    sync(tmp_path, remote.url)
    assert commits(tmp_path) == []
    remote.decide("gateway", "approved")
    first = remote.merge()
    remote.put("other", "x")
    remote.commit()
    remote.decide("ledger", "rejected", "main", note="too dear")
    second = remote.git("rev-parse", "main")
    sync(tmp_path, remote.url)
    found = commits(tmp_path)
    assert [(c["sha"], c["position"]) for c in found] == [(first, 1), (second, 2)]
    assert found[0]["author_name"] == "a"
    assert versions(tmp_path) == {first, second}
    text = (tmp_path / f"landing/decisions/versions/{first}.yaml").read_text()
    assert "decision: approved" in text
    assert "decision: rejected" not in text


@pytest.mark.parametrize("was_there", [True, False])
def test_nonsense_is_reported_with_commit_line_and_fix_and_the_last_good_version_holds(
    tmp_path: Path, remote: Repository, was_there: bool
) -> None:
    propose(remote.url)
    remote.decide("gateway", "approved")
    good = remote.merge()
    if was_there:
        sync(tmp_path, remote.url)
    remote.edit("decision: approved", "decision: aproved", "main")
    bad = remote.git("rev-parse", "main")
    wanted = rf"prioritized.yaml of main: {bad[:10]} of a: line 24: .*aproved.*fix: write approved"
    with pytest.raises(SourceError, match=wanted):
        sync(tmp_path, remote.url)
    assert [c["sha"] for c in commits(tmp_path)] == [good]
    assert versions(tmp_path) == {good}
    remote.edit("decision: aproved", "decision: approved", "main")
    sync(tmp_path, remote.url)
    assert len(commits(tmp_path)) == 2


def test_a_deleted_file_is_reported_and_a_rewritten_history_counts(
    tmp_path: Path, remote: Repository
) -> None:
    propose(remote.url)
    remote.merge()
    good = remote.git("rev-parse", "main")
    remote.put(PATH, None)
    remote.commit()
    with pytest.raises(SourceError, match="was deleted; restore it"):
        sync(tmp_path, remote.url)
    assert versions(tmp_path) == {good}
    remote.git("reset", "-q", "--hard", "HEAD~2")
    remote.put(PATH, "epics: []\n")
    forced = remote.commit()
    sync(tmp_path, remote.url)
    assert versions(tmp_path) == {forced}


def test_reviews_and_comments_of_the_pull_request_are_evidence(
    tmp_path: Path, remote: Repository
) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        address, api = f"{url}/acme/platform.git", f"{url}/api"
        propose(address, token=TOKEN, api_url=api)
        remote.decide("gateway", "approved")
        sha = remote.merge(squash=True)
        server.commits[sha] = 1
        merged = {"state": "closed", "merged_at": "2026-06-26T15:00:00Z"}
        server.pulls[0] |= {**merged, "merged_by": {"login": "cto"}}
        at = "2026-06-26T14:00:00Z"
        user = {"login": "zoe"}
        server.reviews[1] = [{"user": user, "state": "APPROVED", "submitted_at": at, "body": None}]
        server.comments[1] = [{"user": None, "created_at": at, "body": "RSK1 accepted"}]
        sync(tmp_path, address, TOKEN, api_url=api)
        pull = commits(tmp_path)[0]["pull"]
        assert (pull["merged_by"], pull["merged_at"]) == ("cto", "2026-06-26T15:00:00Z")
        assert [(r["kind"], r["by"], r["state"]) for r in pull["remarks"]] == [
            ("review", "zoe", "approved"),
            ("comment", None, "commented"),
        ]
        # Git is read before GitHub fails, and what was learnt of pull requests stays.
        remote.decide("ledger", "deferred", "main", note="next quarter")
        server.faults = dict.fromkeys(range(len(server.requests) + 4, 10**6), "expired")
        with pytest.raises(AccessError) as raised:
            sync(tmp_path, address, TOKEN, api_url=api)
        assert TOKEN not in str(raised.value)
        server.renew()
        sync(tmp_path, address, TOKEN, api_url=api)
        assert [bool(c["pull"]) for c in commits(tmp_path)] == [True, False]


@pytest.mark.parametrize(
    ("environment", "message"),
    [({}, "decisions: has no url"), ({"GITHUB_REPOSITORY": "a/b"}, "")],
)
def test_in_a_workflow_the_repository_is_known(environment: dict[str, str], message: str) -> None:
    from orchestration.vendors.base import Context
    from orchestration.vendors.decisions.extractor import DecisionsConfig

    context = Context(environment=environment)
    if message:
        with pytest.raises(SourceError, match=message):
            DecisionsConfig().extractor(context)
        return
    assert DecisionsConfig().repository(environment) == "https://github.com/a/b"
    known = {**environment, "GITHUB_API_URL": "https://ghe.example/api/v3", "GH_TOKEN": "t"}
    github = DecisionsConfig().github(dataclasses.replace(context, environment=known))
    assert github is not None
    assert github.http.url == "https://ghe.example/api/v3"
