"""`paydown sync-catalog`: a pull request to each repository with catalog files, and JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.decisions.catalog import BRANCH, sync_catalog, write_portal
from orchestration.decisions.sync import Proposal
from orchestration.vendors.sources import Sources

from .decision_helpers import Repository, context
from .loopback import serving
from .test_catalog_facts import WRITTEN, row
from .vendor_github import TOKEN, GitHubServer

FILE = "backstage/git/platform/%2Eservices/catalog-info.yaml"
ROWS = [
    row(catalog_files=f"backstage/api/entities.ndjson\n{FILE}"),
    row("component:money/ledger", catalog_files=FILE),
    row("system:default/edge", entity_kind="system", service_id=None, jira_project_key=None),
]
PATH = ".services/catalog-info.yaml"


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "platform")
    made.put(PATH, WRITTEN)
    made.commit()
    return made


def sources(*urls: str, **decisions: Any) -> Sources:
    listed = [{"url": url, "paths": {"backstage": "**/catalog-info.yaml"}} for url in urls]
    return Sources.model_validate({"git": {"repositories": listed}, "decisions": decisions})


def sync(url: str, rows: Any = ROWS, **more: Any) -> tuple[Proposal | None, list[str]]:
    ((label, proposal, problems),) = sync_catalog(sources(url), rows, context(), **more)
    assert label == "platform"
    return proposal, problems


def test_facts_are_proposed_once_and_a_point_of_score_is_no_commit(remote: Repository) -> None:
    dry, _ = sync(remote.url, dry_run=True)
    assert dry
    assert (dry.state, len(dry.changes)) == ("dry_run", 2)
    assert remote.git("branch", "--list", BRANCH) == ""
    first, problems = sync(remote.url)
    assert first
    assert (first.state, problems) == ("pushed", [])
    assert "paydown/open-epics: MOD-1" in remote.git("show", f"{BRANCH}:{PATH}")
    for rows in (ROWS, [{**one, "score": 25} for one in ROWS]):
        again, _ = sync(remote.url, rows)
        assert again
        assert again.state == "nothing_new"
    assert remote.git("rev-list", "--count", f"main..{BRANCH}") == "1"
    remote.git("merge", "-q", BRANCH)
    merged, _ = sync(remote.url)
    assert merged
    assert merged.state == "nothing_new"
    closed, _ = sync(remote.url, [{**one, "open_epic_keys": None} for one in ROWS])
    assert closed
    assert closed.changes[0] == "gateway: paydown/open-epics MOD-1 -> none"


def test_what_people_wrote_meanwhile_stays_on_both_branches(remote: Repository) -> None:
    sync(remote.url)
    remote.git("checkout", "-q", BRANCH)
    remote.put(PATH, (remote.folder / PATH).read_text().replace("[edge]", "[edge, go]"))
    remote.commit()
    remote.git("checkout", "-q", "main")
    remote.put(PATH, (remote.folder / PATH).read_text().replace("team-b", "team-c"))
    remote.commit()
    sync(remote.url, [{**one, "open_epic_keys": "MOD-9"} for one in ROWS])
    text = remote.git("show", f"{BRANCH}:{PATH}")
    assert "[edge, go]" in text
    assert "team-c" in text
    assert text.count("paydown/open-epics: MOD-9") == 2


def test_a_file_that_cannot_be_changed_costs_no_other_and_no_other_repository(
    remote: Repository, tmp_path: Path
) -> None:
    remote.put("b/catalog-info.yaml", "kind: Component\nmetadata: {name: braces}\n")
    remote.commit()
    rows = [*ROWS, row("component:default/braces",
                       catalog_files="backstage/git/platform/b/catalog-info.yaml")]  # fmt: skip
    rows.append(row("component:default/x", catalog_files="backstage/git/gone/catalog-info.yaml"))
    both = sources(f"file://{tmp_path}/gone", remote.url)
    (_, nothing, [why]), (_, proposal, [problem]) = sync_catalog(both, rows, context())
    assert nothing is None
    assert "is its url right" in why
    assert proposal
    assert proposal.state == "pushed"
    assert problem.startswith("b/catalog-info.yaml: is left unchanged: line 1: ")
    assert "paydown/open-epics" in remote.git("show", f"{BRANCH}:{PATH}")


def test_on_github_one_pull_request_and_the_token_goes_to_its_own_server_only(
    remote: Repository,
) -> None:
    server = GitHubServer(remote)
    secret = context(GH_TOKEN=TOKEN)
    with serving(server) as url:
        own = {"url": f"{url}/acme/modernization.git", "api_url": f"{url}/api"}
        for state in ("opened", "nothing_new"):
            ((_, proposal, problems),) = sync_catalog(
                sources(f"{url}/acme/platform.git", **own), ROWS, secret
            )
            assert proposal
            assert (proposal.state, problems) == (state, [])
        assert [one["head"]["ref"] for one in server.pulls] == [BRANCH]
        assert "gateway: jira/project-key nothing" in server.pulls[0]["body"]
        server.requests.clear()
        elsewhere = sources(f"{url}/acme/platform.git", url="https://git.example.com/a/b.git")
        ((_, nothing, [why]),) = sync_catalog(elsewhere, ROWS, secret)
    assert nothing is None
    assert "401" in why or "could not read" in why
    assert not [one for one in server.requests if "authorization" in one.headers]


def test_portal_files_are_small_complete_and_gone_with_what_they_are_of(tmp_path: Path) -> None:
    changed = write_portal(tmp_path, ROWS)
    assert "component/default/gateway.json" in changed
    one = json.loads((tmp_path / "component/default/gateway.json").read_text())
    assert (one["score"], one["open_epic_keys"]) == (24, ["MOD-1"])
    written = json.loads((tmp_path / "tech-insights.json").read_text())
    assert written["facts"][0]["entity"] == {
        "kind": "component", "namespace": "default", "name": "gateway",
    }  # fmt: skip
    assert set(written["facts"][0]["facts"]) <= set(written["schema"])
    assert written["facts"][0]["facts"]["maturity_level"] == "none"
    assert "paydown/open-epics: MOD-1" in (tmp_path / "annotations.yaml").read_text()
    assert write_portal(tmp_path, ROWS) == []
    kept = tmp_path / "ours.json"
    kept.write_text("{}")
    index = tmp_path / "index.json"
    index.write_text(json.dumps([*json.loads(index.read_text()), "../x.json", "ours.json"]))
    outside = tmp_path.with_name("x.json")
    outside.write_text("{}")
    assert "component/money/ledger.json" in write_portal(tmp_path, [ROWS[0], ROWS[2]])
    assert not (tmp_path / "component/money/ledger.json").exists()
    assert kept.exists()
    assert outside.exists()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from .published_marts import contracts

    current = tmp_path / "home/published/current"
    current.mkdir(parents=True)
    (columns,) = [dict(c) for name, c in contracts() if name == "rpt_catalog_facts"]
    with duckdb.connect(str(current / "paydown.duckdb")) as con:
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        con.execute(f"create table rpt_catalog_facts ({typed})")
        for one in ROWS:
            names = ", ".join(one)
            marks = ", ".join("?" * len(one))
            con.execute(
                f"insert into rpt_catalog_facts ({names}) values ({marks})", [*one.values()]
            )
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_the_command_edits_a_folder_writes_a_portal_and_says_what_is_missing(
    published: Path,
) -> None:
    folder = published / "catalogs"
    (folder / "a/.git").mkdir(parents=True)
    (folder / "a/catalog-info.yaml").write_text(WRITTEN)
    (folder / "a/.git/x.yaml").write_text(WRITTEN)
    (folder / "a/values.yaml").write_text("kind: {{ x }}\n")
    (folder / "a/bytes.yaml").write_bytes(b"\xff")
    run = CliRunner().invoke
    done = run(app, ["sync-catalog", "--edit", str(folder), "--dry-run"])
    assert done.exit_code == 1
    assert "bytes.yaml: is left unchanged: it is not UTF-8" in done.output
    assert (folder / "a/catalog-info.yaml").read_text() == WRITTEN
    (folder / "a/bytes.yaml").unlink()
    done = run(app, ["sync-catalog", "--edit", str(folder)])
    assert (done.exit_code, "2 services changed" in done.output) == (0, True), done.output
    assert "paydown/debt-score" in (folder / "a/catalog-info.yaml").read_text()
    assert (folder / "a/.git/x.yaml").read_text() == WRITTEN
    assert run(app, ["sync-catalog", "--edit", str(folder)]).output.startswith("nothing new")
    done = run(app, ["sync-catalog", "--out", str(published / "portal")])
    assert (done.exit_code, "6 files changed" in done.output) == (0, True), done.output
    done = run(app, ["sync-catalog"])
    assert done.exit_code != 0
    assert "has catalog files; list one with" in done.output
    assert "no such folder" in run(app, ["sync-catalog", "--edit", "nowhere"]).output
