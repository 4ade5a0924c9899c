"""`paydown sync-decisions` as the workflow calls it: from published marts to a pull request."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.decisions.entries import Entries
from orchestration.documents import ConfigError, load_model
from orchestration.documents.prioritized import PrioritizedFile

from .decision_helpers import BRANCH, Repository
from .loopback import serving
from .vendor_github import TOKEN, GitHubServer

DECIDED_BY = {"by": "cto", "on": "2026-06-26"}
MARTS = """
    create table rpt_promotion_candidates as
    select
        service_id, service_id as service_name, decision, score, 'promote_to_epic' as band,
        score_rank, owner, '2026-08-07'::date as due_date, 5.0::double as estimate_days, budget_usd,
        'silver' as target_maturity, E'Canary: ArgoCD\nRunbooks' as exit_criteria,
        'RSK1, RSK2' as risk_ids, missing_fields
    from (values
        ('gateway', 'promote', 26, 1, 'team-a', 6000.5::double, ''),
        ('ledger', 'blocked', 24, 2, '', null, 'owner,budget'),
        ('search', 'bundle', 18, 3, 'team-b', 100, '')
    ) as v(service_id, decision, score, score_rank, owner, budget_usd, missing_fields);
    create table rpt_epic_case as
    select
        'gateway' as service_id, 90 as window_days, 3 as repeats, 1 as repeats_target,
        5 as out_of_hours_count, null::bigint as out_of_hours_target,
        8400.0::double as median_active_seconds, 6720.0::double as median_active_seconds_target,
        420000.4::double as cost_usd;
    create table rpt_epic_decisions as
    select * from (values
        ('gateway', 'promote', 2, 'paydown-gateway-c2'),
        ('ledger', 'blocked', null, null),
        ('search', 'bundle', null, null)
    ) as v(service_id, decision, cycle_number, epic_key);
"""
ENTRY = {
    "id": "gateway", "cycle": 2, "service": "gateway", "rank": 1, "score": 26,
    "band": "promote_to_epic", "epic": "paydown-gateway-c2", "owner": "team-a",
    "estimate_days": 5, "budget_usd": 6000.5, "target_maturity": "silver",
    "exit_criteria": ["Canary: ArgoCD", "Runbooks"], "risk_ids": ["RSK1", "RSK2"], "missing": [],
    "incidents_cost_usd": 420000,
    "success_test": "repeats 3 -> at most 1, median minutes active 140 -> at most 112, "
    "over 90 days",
}  # fmt: skip


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    current = tmp_path / "home/published/current"
    current.mkdir(parents=True)
    with duckdb.connect(str(current / "paydown.duckdb")) as con:
        con.execute(MARTS)
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return Repository(tmp_path / "platform")


def command(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["sync-decisions", *arguments])
    return done.exit_code, done.output


def test_in_a_workflow_nothing_but_its_environment_is_needed(
    remote: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = GitHubServer(remote)
    with serving(server) as url:
        monkeypatch.setenv("GITHUB_SERVER_URL", url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/platform.git")
        monkeypatch.setenv("GITHUB_API_URL", f"{url}/api")
        monkeypatch.setenv("GH_TOKEN", TOKEN)
        code, said = command("--dry-run")
        assert (code, server.pulls, server.pushes) == (0, [], 0)
        assert f"dry run: this would be pushed to {BRANCH}" in said
        code, said = command()
        assert code == 0
        assert "pull request opened: https://github.example/acme/platform/pull/1" in said
        assert TOKEN not in said
        code, said = command()
        assert "nothing new: nothing was pushed: https://github.example" in said
    first, second = (item.values for item in Entries(remote.text(), "epics").items)
    assert {key: first[key] for key in ENTRY} == ENTRY
    assert (first["due"], first["decision"], first["by"]) == ("2026-08-07", "pending", None)
    assert second["success_test"] is second["incidents_cost_usd"] is None
    assert (second["id"], second["cycle"], second["missing"]) == ("ledger", 1, ["owner", "budget"])


def test_without_git_a_file_is_written_and_what_people_wrote_stays(
    remote: Repository, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "prioritized.yaml"
    assert command("--out", str(path))[0] == 0
    text = path.read_text().replace("decision: pending", "decision: deferred  # Q3", 1)
    path.write_text(text)
    code, said = command("--out", str(path))
    assert code == 1
    assert "is deferred, but by is empty; fix: name who decided" in " ".join(said.split())
    assert path.read_text() == text
    text = text.replace("    by:\n    on:\n", "    by: cto\n    on: 2026-06-26\n", 1)
    path.write_text(
        text.replace("    note:\n", "    note: later\n", 1).replace("score: 26", "score: 9")
    )
    code, said = command("--out", str(path))
    assert (code, "gateway: score 9 -> 26" in said) == (0, True)
    assert "decision: deferred  # Q3\n    by: cto\n" in path.read_text()
    assert "nothing new" in command("--out", str(path))[1]


def test_without_an_address_it_says_what_to_write(remote: Repository) -> None:
    code, said = command()
    assert (code, "has no url; write `decisions: {url:" in said) == (1, True)
    assert remote.git("branch", "--list", BRANCH) == ""


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"decision": "approved", "on": "2026-06-26"}, "by is empty; fix: name who decided"),
        ({"decision": "approved", "by": "cto"}, "on is empty; fix: write the day"),
        (DECIDED_BY | {"decision": "rejected"}, "note is empty; fix: write the reason"),
        (DECIDED_BY | {"decision": "approved"}, "neither amount_usd nor budget_usd"),
        (DECIDED_BY | {"decision": "approved", "budget_usd": 5}, ""),
        (DECIDED_BY | {"decision": "approved", "amount_usd": 0}, ""),
        (DECIDED_BY | {"decision": "deferred", "note": "Q3"}, ""),
        ({"decision": "pending"}, ""),
    ],
)
def test_a_decision_names_who_when_and_how_much_or_why(
    tmp_path: Path, said: dict[str, object], message: str
) -> None:
    file = tmp_path / "prioritized.yaml"
    entry = {"id": "pay", "cycle": 1, "service": "payments"} | said
    file.write_text(json.dumps({"epics": [entry]}), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) if message else nullcontext():
        load_model(file, PrioritizedFile)
