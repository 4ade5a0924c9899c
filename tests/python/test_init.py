"""From an empty folder and an export to a ranking, in two commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from orchestration import steps
from orchestration.cli import app
from orchestration.cli.command import read_environment_file
from orchestration.configuration import check_configuration
from orchestration.settings import Settings, SettingsError

from .flow_helpers import ROOT

HEADER = "number,state,active,priority,opened_at,resolved_at,sys_updated_on,business_service\n"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """What `init` sets in the environment is gone afterwards."""
    before = dict(os.environ)
    for name in [one for one in os.environ if one.startswith("PAYDOWN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


def export(folder: Path) -> Path:
    path = folder / "incidents.csv"
    rows = [
        f"INC{n:07},Closed,false,1 - Critical,2026-06-{n:02} 10:00:00,2026-06-{n:02} 13:00:00,"
        f"2026-06-{n:02} 13:00:00,{'Card Payments' if n % 3 else 'Ledger'}"
        for n in range(1, 21)
    ]
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return path


def loads(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """The load finds these services, without the time that a real one takes."""

    def load(settings: Settings, streams: set[str]) -> tuple[SimpleNamespace, list[object]]:
        assert "servicenow.incidents" in streams
        settings.home.mkdir(parents=True)
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute("create schema raw; create table raw.servicenow__incidents (service_name "
                        "varchar, service_id varchar, opened_at timestamp)")  # fmt: skip
            for name in names:
                row = [name, "x", "2026-06-20 10:00:00"]
                con.execute("insert into raw.servicenow__incidents values (?, ?, ?)", row)
        return SimpleNamespace(rejected=[], quarantined=["file:1: is bad"]), []

    monkeypatch.setattr(steps, "load", load)


def init(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["init", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


def test_an_empty_folder_becomes_one_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads(monkeypatch, "Card Payments", "Card Payments", "card-payments", "Ledger, old", "?", "")
    (tmp_path / "new/.github/workflows").mkdir(parents=True)
    (tmp_path / "new/.gitignore").write_text("mine\n")
    code, said = init(tmp_path / "new", "--export", export(tmp_path), "--owner", "team-pay")
    assert code == 0, said
    assert "3 services in 4 records" in said
    assert "file:1: is bad" in said
    folder = tmp_path / "new"
    names = sorted(path.name for path in folder.iterdir())
    expected = [".github", ".gitignore", ".paydown", "landing", "modernization", "paydown.env"]
    assert names == expected
    assert (folder / ".gitignore").read_text() == "mine\n"
    assert (folder / ".github/workflows/modernization-sync.yml").exists()
    assert [one.problem for one in check_configuration(folder / "modernization")].count("") >= 9
    assert not [one.problem for one in check_configuration(folder / "modernization") if one.problem]
    capacity = yaml.safe_load((folder / "modernization/capacity.yaml").read_text())
    assert [*capacity["teams"]] == ["team-pay"]
    catalog = (folder / "landing/backstage/starter/catalog-info.yaml").read_text()
    entities = [*yaml.safe_load_all(catalog)]
    assert [one["metadata"]["name"] for one in entities] == [
        "card-payments", "card-payments-1", "ledger-old",
    ]  # fmt: skip
    assert entities[0]["metadata"]["annotations"] == {"paydown/aliases": "Card Payments"}
    assert {one["spec"]["owner"] for one in entities} == {"team-pay"}
    text = (folder / "paydown.env").read_text()
    assert "PAYDOWN_AS_OF=2026-06-21T00:00:00Z\n" in text
    assert "PAYDOWN_SERVICENOW_SERVICE_FIELD=business_service\n" in text
    # Once more changes nothing.
    code, said = init(folder, "--export", export(tmp_path))
    assert code == 1
    assert "exists already; nothing was written" in said


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,b\n1,2\n", [], "which tool's?: not known; give it with --source"),
        ("a,b\n1,2\n", ["--source", "nagios"], "nagios: no such tool"),
        ("number,sys_id\n", [], "column of the service?: not known; give it with --service-field"),
        (HEADER, ["--service-field", "cmdb"], "has no column cmdb; correct --service-field"),
    ],
)
def test_what_is_not_known_is_asked_for(
    tmp_path: Path, content: str, options: list[str], message: str
) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text(content)
    code, said = init(tmp_path / "new", "--export", path, *options)
    assert code == 1
    assert message in said
    assert [*(tmp_path / "new").iterdir()] == []


def test_exports_without_a_service_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads(monkeypatch)
    code, said = init(tmp_path / "new", "--export", export(tmp_path))
    assert (code, "no service was found in the exports" in said) == (1, True)
    assert [*(tmp_path / "new").iterdir()] == []


def test_settings_of_the_folder_give_way_to_the_environment_and_hold_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "paydown.env"
    path.write_text("# x\n\nPAYDOWN_HOME=a\nPAYDOWN_TARGET=duckdb\n")
    monkeypatch.setenv("PAYDOWN_HOME", "mine")
    read_environment_file(path)
    assert (os.environ["PAYDOWN_HOME"], os.environ["PAYDOWN_TARGET"]) == ("mine", "duckdb")
    path.write_text("PAYDOWN_HOME=a\nGH_TOKEN=t\n")
    with pytest.raises(SettingsError, match=r"env:2: GH_TOKEN: is not a setting of paydown's"):
        read_environment_file(path)


ANSWERS = ["team-pay", "Europe/Pariss", "Europe/Paris", "many", "7", "jira",
           "https://acme.atlassian.net", "MOD", "pagerduty, jira"]  # fmt: skip


def test_on_a_terminal_it_asks_for_team_calendar_capacity_tracker_and_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads(monkeypatch, "Ledger")
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("orchestration.cli.init.sys", terminal)
    folder = tmp_path / "new"
    typed = "\n".join([str(export(tmp_path)), *ANSWERS]) + "\n"
    done = CliRunner().invoke(app, ["init", str(folder)], input=typed)
    assert done.exit_code == 0, done.output
    assert "Europe/Pariss: write one of Europe/Paris," in done.output
    assert "many: write a number, or nothing" in done.output
    assert "PAYDOWN_SOURCES=pagerduty,jira in paydown.env, their tokens" in done.output
    assert not [one.problem for one in check_configuration(folder / "modernization") if one.problem]

    def read(name: str) -> dict[str, Any]:
        return yaml.safe_load((folder / "modernization" / name).read_text())

    assert read("calendar.yaml")["defaults"]["time_zone"] == "Europe/Paris"
    assert read("capacity.yaml")["teams"] == {"team-pay": {"engineers": 7}}
    tracker = read("tracker.yaml")
    assert (tracker["kind"], tracker["jira"]["project"]) == ("jira", "MOD")
    catalog = (folder / "landing/backstage/starter/catalog-info.yaml").read_text()
    assert "owner: team-pay" in catalog


def test_an_answer_that_no_file_takes_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("orchestration.cli.init.sys", terminal)
    answers = [str(export(tmp_path)), "", "", "jira", "acme", "MOD", ""]
    done = CliRunner().invoke(app, ["init", str(tmp_path / "new")], input="\n".join(answers) + "\n")
    assert done.exit_code == 1
    assert "tracker.yaml" in done.output
    assert "nothing was written" in done.output
    assert [*(tmp_path / "new").iterdir()] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_commands_from_an_export_to_a_ranking(tmp_path: Path) -> None:
    path, folder = export(tmp_path), tmp_path / "new"
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PAYDOWN_")}
    program = str(ROOT / ".venv/bin/paydown")
    said = ""
    for command in (["init", "--export", str(path), "--owner", "team-pay"], ["run"]):
        done = subprocess.run(
            [program, *command], cwd=folder, env=environment, capture_output=True, text=True
        )
        said = done.stdout
        assert done.returncode == 0, done.stdout + done.stderr
    assert "as of 2026-06-21 00:00 UTC" in said
    assert "card-payments" in said
    assert "ledger" in said
