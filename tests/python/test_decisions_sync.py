"""`prioritized.yaml` goes to a real Git remote as one pull request; nothing of people's is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError
from orchestration.vendors.decisions.github import GitHub
from orchestration.vendors.git.history import History

from .decision_helpers import BRANCH, ROWS, Repository, propose, row
from .described import problems
from .extraction import CALM
from .loopback import Answer, Request, serving
from .vendor_github import TOKEN, GitHubServer

LATER = [row("ledger", 1, 27), row("gateway", 2, 25), row("search", 3)]


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "platform")


def head(remote: Repository, branch: str = BRANCH) -> str:
    return remote.git("rev-parse", branch)


def test_what_people_wrote_on_the_branch_survives_until_it_is_merged(remote: Repository) -> None:
    first = propose(remote.url)
    assert (first.state, first.branch) == ("pushed", BRANCH)
    assert first.changes == ["gateway: new, score 26", "ledger: new, score 24"]
    before = head(remote)
    assert propose(remote.url).state == "nothing_new"
    assert head(remote) == before
    remote.decide("gateway", "approved")
    assert propose(remote.url, LATER).state == "pushed"
    text = remote.text()
    assert "    decision: approved  # in the triage\n    by: cto\n" in text
    # Its commits are there too, and other files as well.
    assert remote.git("log", "--format=%an", BRANCH).split()[:2] == ["modernization-bot", "a"]
    assert text.index("service: ledger") < text.index("service: gateway")
    remote.merge()
    assert propose(remote.url, LATER).state == "nothing_new"
    assert propose(remote.url, ROWS).state == "pushed"
    assert "decision: approved  # in the triage" in remote.text()
    assert remote.git("merge-base", BRANCH, "main") == head(remote, "main")


def test_decisions_of_main_and_of_the_branch_both_stay(remote: Repository) -> None:
    propose(remote.url)
    remote.merge()
    propose(remote.url, LATER)
    remote.decide("gateway", "approved", "main")
    remote.decide("ledger", "approved")
    remote.edit("# modernization/", "# Ours: modernization/")
    propose(remote.url, LATER)
    text = remote.text()
    assert text.count("decision: approved  # in the triage") == 2
    assert text.startswith("# Ours: modernization/")
    remote.merge()


def test_one_thing_decided_in_two_ways_stops_and_pushes_nothing(remote: Repository) -> None:
    propose(remote.url)
    remote.merge()
    propose(remote.url, LATER)
    remote.decide("gateway", "approved", "main")
    remote.decide("gateway", "rejected", note="too dear")
    before = head(remote)
    with pytest.raises(SourceError, match="gateway: decision approved -> rejected") as raised:
        propose(remote.url, LATER)
    assert "settle it on one of them" in str(raised.value)
    assert head(remote) == before


def test_a_squashed_branch_that_stays_says_nothing_any_more(remote: Repository) -> None:
    propose(remote.url)
    remote.decide("gateway", "approved")
    remote.merge(squash=True)
    remote.edit("decision: approved", "decision: pending", "main")
    assert propose(remote.url, LATER).state == "pushed"
    assert "decision: approved" not in remote.text()


def test_other_files_that_people_changed_on_the_branch_stay(remote: Repository) -> None:
    propose(remote.url)
    remote.git("checkout", "-q", BRANCH)
    remote.put("modernization/scoring.yaml", "weights: {}\n")
    remote.commit()
    remote.git("checkout", "-q", "main")
    remote.put("other", "x")
    remote.commit()
    propose(remote.url, LATER)
    assert remote.git("show", f"{BRANCH}:modernization/scoring.yaml") == "weights: {}"


@pytest.mark.parametrize("branch", ["main", BRANCH])
def test_nonsense_is_refused_with_line_and_fix(remote: Repository, branch: str) -> None:
    propose(remote.url)
    remote.merge()
    propose(remote.url, LATER)
    remote.edit("decision: pending", "decision: aproved", branch)
    before = head(remote)
    with pytest.raises(SourceError, match=r"line \d+: epics.*aproved.*fix: write approved"):
        propose(remote.url, ROWS)
    assert head(remote) == before


def moved(remote: Repository) -> None:
    remote.decide("gateway", "approved")


def forced(remote: Repository) -> None:
    remote.git("branch", "-f", BRANCH, "main")
    remote.git("checkout", "-q", BRANCH)
    remote.put("forced", "x")
    remote.commit()
    remote.git("checkout", "-q", "main")


def deleted(remote: Repository) -> None:
    remote.git("branch", "-q", "-D", BRANCH)


@pytest.mark.parametrize("meanwhile", [moved, forced, deleted])
def test_whatever_happens_between_reading_and_pushing_nothing_is_overwritten(
    remote: Repository,
    meanwhile: Callable[[Repository], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    propose(remote.url)
    pushes, push = [], History.push

    def disturbed(self: History, *arguments: Any) -> list[str]:
        pushes.append(1)
        if len(pushes) == 1:
            meanwhile(remote)
        return push(self, *arguments)

    monkeypatch.setattr(History, "push", disturbed)
    assert propose(remote.url, LATER).state == "pushed"
    assert len(pushes) == (1 if meanwhile is deleted else 2)
    assert "service: search" in remote.text()
    assert ("decision: approved" in remote.text()) == (meanwhile is moved)
    if meanwhile is forced:
        assert remote.git("show", f"{BRANCH}:forced") == "x"


def test_a_protected_branch_ends_with_what_the_remote_says(remote: Repository) -> None:
    hook = remote.folder / ".git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed.' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(SourceError, match=r"GH006: Protected branch.*; let the token's user push"):
        propose(remote.url)
    with pytest.raises(SourceError, match="is the branch that counts; name another"):
        propose(remote.url, branch="main")
    assert remote.git("branch", "--list", BRANCH) == ""


def test_the_remotes_own_link_is_shown(remote: Repository) -> None:
    hook = remote.folder / ".git/hooks/post-receive"
    hook.write_text(
        "#!/bin/sh\necho 'To create a merge request, visit: https://git.example/new?x=1'\n"
    )
    hook.chmod(0o755)
    assert propose(remote.url).link == "https://git.example/new?x=1"


def test_an_empty_repository_and_a_missing_one_say_what_to_do(tmp_path: Path) -> None:
    from .vendor_git import Remote

    empty = Remote(tmp_path / "empty")
    with pytest.raises(SourceError, match="has no commit yet; push one"):
        propose(empty.url)
    with pytest.raises(SourceError, match="is its url right"):
        propose(f"file://{tmp_path}/nowhere")


def on_github(server: GitHubServer, url: str, rows: list = ROWS) -> tuple[str, str]:
    proposal = propose(
        f"{url}/acme/platform.git", rows, token=TOKEN, api_url=f"{url}/api", email="bot@example.com"
    )
    return proposal.state, proposal.link


def test_a_pull_request_is_opened_updated_and_left_alone(remote: Repository) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        link = "https://github.example/acme/platform/pull/1"
        assert on_github(server, url) == ("opened", link)
        assert "- gateway: new, score 26" in server.pulls[0]["body"]
        assert on_github(server, url) == ("nothing_new", link)
        assert server.pushes == 1
        assert on_github(server, url, LATER) == ("updated", link)
        assert "- search: new" in server.pulls[0]["body"]
        # Nothing new on the default branch: no request but those that read.
        remote.merge()
        server.pulls[0] |= {"state": "closed", "merged_at": "2026-06-26T16:00:00Z"}
        server.requests.clear()
        assert on_github(server, url, LATER) == ("nothing_new", "")
        assert {(r.method, r.path.startswith("/api")) for r in server.requests} <= {
            ("GET", False), ("POST", False),
        }  # fmt: skip
        assert len(server.pulls) == 1


def test_a_closed_pull_request_stays_closed_until_the_list_changes(remote: Repository) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        on_github(server, url)
        server.pulls[0]["state"] = "closed"
        assert on_github(server, url)[0] == "closed"
        assert on_github(server, url, LATER)[0] == "opened"
        assert len(server.pulls) == 2


def test_an_address_that_is_not_githubs_is_reported(
    remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        on_github(server, url)
        monkeypatch.setattr(server, "_list", lambda _: Answer({"message": "not GitHub"}))
        with pytest.raises(SourceError, match="answered without a list; correct api_url"):
            on_github(server, url, LATER)


def test_a_run_that_was_stopped_after_its_push_is_completed(remote: Repository) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        propose(f"{url}/acme/platform.git", token=TOKEN)
        assert server.pulls == []
        assert on_github(server, url)[0] == "opened"


def test_ten_concurrent_runs_make_one_pull_request(remote: Repository) -> None:
    server = GitHubServer(remote)
    with serving(server) as url, ThreadPoolExecutor(10) as pool:
        done = [pool.submit(on_github, server, url) for _ in range(10)]
        states = [one.result()[0] for one in done]
    assert len(server.pulls) == 1
    assert states.count("opened") == 1
    assert remote.git("rev-list", "--count", f"main..{BRANCH}") == "1"


def test_the_token_is_seen_nowhere(
    remote: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, seen = GitHubServer(remote), []
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))

    def look(request: Request) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(process.read_bytes())
            except OSError:
                continue
        seen.extend(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    server.before = look
    with serving(server) as url:
        assert on_github(server, url)[0] == "opened"
        assert any(b"receive-pack" in one or b"remote-http" in one for one in seen)
        server.before = lambda _: None
        server.is_expired = True
        with pytest.raises(AccessError) as raised:
            on_github(server, url, LATER)
    packed = server.wanted.split()[1]
    for word in (TOKEN, packed):
        assert not any(word.encode() in one for one in seen)
        assert word not in str(raised.value)
        assert (
            word
            not in remote.git("log", "--all", "-p") + (remote.folder / ".git/config").read_text()
        )


def test_requests_are_as_github_describes_them(remote: Repository) -> None:
    """`npm pack @octokit/openapi`, and name its generated/api.github.com.json in the variable."""
    if not (description := os.environ.get("PAYDOWN_GITHUB_DESCRIPTION")):
        pytest.skip("PAYDOWN_GITHUB_DESCRIPTION names no description of GitHub's API")
    server = GitHubServer(remote)
    with serving(server) as url:
        for rows in (ROWS, LATER):
            on_github(server, url, rows)
        server.pulls[0]["state"] = "closed"
        on_github(server, url, LATER)
        server.pulls[0]["merged_at"] = "2026-06-26T16:00:00Z"
        server.commits["0" * 40] = 1
        github = GitHub(f"{url}/api", "acme", "platform", TOKEN, "GH_TOKEN", CALM)
        assert github.of_commit("0" * 40)
    asked = [one for one in server.requests if one.path.startswith("/api/")]
    assert {(one.method, one.path.rsplit("/", 1)[-1]) for one in asked} == {
        ("GET", "pulls"), ("POST", "pulls"), ("PATCH", "1"), ("GET", "1"), ("GET", "reviews"),
        ("GET", "comments"),
    }  # fmt: skip
    assert problems(description, asked, "/api") == set()
    # The check can fail.
    asked[0] = replace(asked[0], query=[("stat", "open")])
    assert problems(description, asked[:1], "/api")
