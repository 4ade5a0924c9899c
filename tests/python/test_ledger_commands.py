"""`paydown ledger`, `paydown epics` and the tracker's settings, from outside."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.configuration import check_configuration
from orchestration.epics.candidates import epic_key, read_candidates
from orchestration.epics.publisher import publish_epics
from orchestration.epics.reconcile import reconcile
from orchestration.epics.run import Run
from orchestration.ledger import EpicState, Ledger
from orchestration.settings import Settings
from orchestration.trackers.local import LocalTracker
from orchestration.vendors.trackers import TrackerConfig, is_dry_run, read_tracker_config

from .decisions import DECIDED
from .decisions import row as full_row
from .fake_tracker import NOW
from .tracker_helpers import serving_tracker
from .vendor_jira import Jira

JIRA = {"url": "https://acme.atlassian.net", "project": "MOD"}


def row(service_id: str = "gateway", **columns: Any) -> dict[str, Any]:
    """A candidate, decided: a new epic with one story, but for `columns`."""
    return full_row(service_id, **(DECIDED | {"fix_classes": "config_only"} | columns))


KEY = epic_key("gateway", 1)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose ledger knows one epic."""
    for name in ("PAYDOWN_LEDGER", "PAYDOWN_DRY_RUN", "PAYDOWN_SOURCES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    publish(tmp_path)
    return tmp_path


def publish(home: Path) -> None:
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    publish_epics([row()], Run(ledger, LocalTracker(home / "epics"), "first", NOW))


def published(home: Path, *rows: dict[str, Any]) -> None:
    """Put candidates where the analysts' copy is."""
    folder = home / "published" / "current"
    folder.mkdir(parents=True)
    kinds = {bool: "boolean", float: "double", int: "bigint"}
    with duckdb.connect(str(folder / "paydown.duckdb")) as con:
        for mart, names in (
            ("rpt_promotion_candidates", [n for n in rows[0] if n not in DECIDED | {"items": 0}]),
            ("rpt_epic_decisions", ["service_id", *DECIDED]),
        ):
            typed = ", ".join(f'"{n}" {kinds.get(type(rows[0][n]), "varchar")}' for n in names)
            con.execute(f"create table {mart} ({typed})")
            values = [[each[name] for name in names] for each in rows]
            con.executemany(f"insert into {mart} values ({', '.join('?' * len(names))})", values)
        con.execute("create table rpt_epic_case (service_id varchar)")
        items = [
            {"service_id": each["service_id"], "ordinal": place, **item}
            for each in rows
            for place, item in enumerate(each["items"])
        ]
        keys = dict.fromkeys(key for item in items for key in item)
        evidence = pa.table({key: [item.get(key) for item in items] for key in keys})
        con.register("evidence", evidence)
        con.execute("create table rpt_epic_evidence as select * from evidence")


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_ledger_lists_epics_and_shows_the_history_of_one(home: Path) -> None:
    code, text = call("ledger", "show")
    assert code == 0
    assert re.search(rf"^{KEY} +opened opened \d{{4}}-\d\d-\d\d", text, re.MULTILINE)
    assert f"  {KEY}-config-only" in text
    code, text = call("ledger", "show", "--json")
    rows = {each["key"]: each for each in json.loads(text)}
    assert rows[KEY]["last_event"]["kind"] == "opened"
    assert rows[f"{KEY}-config-only"]["parent_key"] == KEY

    for name in (KEY, "gateway"):
        code, text = call("ledger", "show", name)
        assert code == 0
        for word in ("claimed", "opened", "run first", "score 24"):
            assert word in text
    code, text = call("ledger", "show", KEY, "--json")
    sent = json.loads(text)[0]["events"][0]["detail"]
    assert sent["draft"]["title"] == "Modernize gateway to silver"
    assert call("ledger", "show", "nobody")[0] == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg2://u:hunter2@127.0.0.1:9/x", "PAYDOWN_LEDGER: not reachable"),
        ("postgresql://paydown:hunt@er2:et99@db.example/l", "PAYDOWN_LEDGER is no address"),
        ("mysql://u:hunter2@127.0.0.1/x", "the ledger needs SQLite or PostgreSQL, not mysql"),
        ("postgresql+psycopg9://u:hunter2@127.0.0.1/x", "postgresql+psycopg9 is not installed"),
        ("sqlite://", "the ledger needs a file"),
    ],
)
@pytest.mark.parametrize("command", [("ledger", "show"), ("ledger", "reconcile"), ("epics",)])
def test_an_unusable_address_is_reported_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str, command: tuple[str, ...]
) -> None:
    published(home, row())
    monkeypatch.setenv("PAYDOWN_LEDGER", address)
    code, text = call(*command)
    assert code == 1
    assert said in " ".join(text.split())
    assert not re.search("hunt|er2|et99", text)


def test_epics_shows_what_would_be_sent_and_writes_nothing(home: Path) -> None:
    assert call("epics")[0] == 1  # Nothing was published yet.
    changes = {"epic_action": "update", "section": "updated", "reason": "score 24 -> 27"}
    published(home, row(score=27, epic_key=KEY, update_count=0, **changes), row("b", score_rank=2))
    before = {path: path.read_bytes() for path in (home / "epics").iterdir()}
    code, text = call("epics", "--full")
    assert code == 0
    assert "gateway [" in text
    assert "score 24 -> 27" in text
    assert "Modernize b to silver" in " ".join(text.split())
    report = json.loads(call("epics", "--json")[1])
    assert report["dry_run"]
    assert report["opened"][0]["preview"]["file"] == f"{epic_key('b', 1)}.md"
    assert {path: path.read_bytes() for path in (home / "epics").iterdir()} == before
    records = Ledger(f"sqlite:///{home / 'ledger.db'}").records("local")
    assert {record.service for record in records} == {"gateway"}


def test_reconciling_brings_a_lost_ledger_back_and_follows_what_people_did(home: Path) -> None:
    published(home, row())
    (home / "ledger.db").unlink()
    files = sorted((home / "epics").glob("*.md"))
    code, text = call("ledger", "reconcile")
    assert code == 0
    assert f"{KEY} adopted" in text
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    assert {record.key for record in ledger.records()} == {KEY, f"{KEY}-config-only"}
    assert json.loads(call("ledger", "reconcile", "--json")[1]) == []
    assert sorted((home / "epics").glob("*.md")) == files

    story = home / "epics" / f"{KEY}-config-only.md"
    story.write_text(story.read_text().replace("status: open", "status: done", 1))
    (home / "epics" / f"{KEY}.md").unlink()
    code, text = call("ledger", "reconcile")
    assert code == 0
    assert f"{KEY} was closed" in text
    assert f"{KEY}-config-only was closed" in text
    assert {record.state for record in ledger.records()} == {EpicState.CLOSED}


def test_an_epic_that_no_tracker_shows_any_more_is_closed_by_hand(home: Path) -> None:
    url = f"sqlite:///{home / 'ledger.db'}"
    code, text = call("ledger", "close", KEY, "--why", "destroyed with its project")
    assert code == 0
    assert f"{KEY}-config-only is closed in the ledger" in text
    assert {r.state for r in Ledger(url).records()} == {EpicState.CLOSED}
    event = Ledger(url).events("local", KEY)[-1]
    assert (event.kind, event.run_id) == ("closed", "by-hand")
    assert event.detail["status"] == "closed by hand: destroyed with its project"
    for key, said in ((KEY, "is closed in local"), ("no-such-key", "paydown ledger show lists")):
        code, text = call("ledger", "close", key, "--why", "again")
        assert code == 1
        assert said in text
    assert call("ledger", "close", KEY)[0] == 2  # Without a reason.


def test_a_key_that_two_trackers_hold_is_closed_in_the_named_one(home: Path) -> None:
    url = f"sqlite:///{home / 'ledger.db'}"
    other = LocalTracker(home / "others")
    other.name = "jira:acme/MOD"
    publish_epics([row()], Run(Ledger(url), other, "second", NOW))
    listed = [line.strip() for line in call("ledger", "show")[1].splitlines()]
    assert [line for line in listed if line in ("local", "jira:acme/MOD")] == [
        "jira:acme/MOD",
        "local",
    ]
    code, text = call("ledger", "close", KEY, "--why", "gone")
    assert code == 1
    assert "opened in jira:acme/MOD, opened in local; name one with --tracker" in text
    assert call("ledger", "close", KEY, "--why", "gone", "--tracker", "local")[0] == 0
    states = {r.tracker: r.state for r in Ledger(url).records() if r.key == KEY}
    assert states == {"local": EpicState.CLOSED, "jira:acme/MOD": EpicState.OPENED}


def test_reconciling_reports_copies_and_settles_what_was_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Jira()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    rows = [row(project_key="", fix_classes="")]

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with serving_tracker(vendor) as tracker:
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "record_opened", die)
            with pytest.raises(KeyboardInterrupt):
                publish_epics(rows, Run(ledger, tracker, "dies", NOW, vendor.now))

        def findings() -> list[tuple[str, bool]]:
            run = Run(ledger, tracker, "reconcile", NOW, vendor.now)
            return [(f.what, f.is_open) for f in reconcile(read_candidates(rows), run)]

        assert "is being created, or may still turn up" in findings()[0][0]
        vendor.tick(24 * 3600)
        assert findings()[0][0].startswith("was opened as")
        copy = vendor.clone(next(iter(vendor.issues.values())))
        vendor.tick(3600)
        written = len(vendor.issues)
        found = findings()
        assert [(copy.key in what, is_open) for what, is_open in found] == [(True, True)]
        assert findings() == found
        assert len(vendor.issues) == written


def test_a_remote_tracker_is_a_dry_run_until_it_is_switched_on(tmp_path: Path) -> None:
    local, remote = TrackerConfig(), TrackerConfig.model_validate({"kind": "jira", "jira": JIRA})
    for value, dry in ((None, (False, True)), ("0", (False, False)), ("1", (True, True))):
        env = {"PAYDOWN_MODERNIZATION": str(tmp_path)} | (
            {} if value is None else {"PAYDOWN_DRY_RUN": value}
        )
        settings = Settings.from_environment(env)
        assert (is_dry_run(settings, local), is_dry_run(settings, remote)) == dry
    assert read_tracker_config(settings) == local


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"kind": "jira"}, "there is no section jira"),
        ({"kind": "jira", "jira": JIRA | {"token": "s3cret"}}, "jira.token"),
        # A secret in place of its variable's name.
        (
            {"kind": "jira", "jira": JIRA | {"token_env": "ATATT3xFfGF0-s3cret"}},
            "jira.token_env: is not the name of an environment variable",
        ),
    ],
)
def test_a_wrong_tracker_is_reported_with_the_fix_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("PAYDOWN_HOME", str(tmp_path))
    monkeypatch.setenv("PAYDOWN_MODERNIZATION", str(tmp_path))
    (tmp_path / "tracker.yaml").write_text(json.dumps(document))
    problems = {file.path.name: file.problem for file in check_configuration(tmp_path)}
    code, text = call("epics")
    assert code == 1
    for shown in (problems["tracker.yaml"], " ".join(text.split())):
        assert said in shown
        assert "s3cret" not in shown
