"""The doctor says of each source whether it answers, what it may read, how fresh and whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.cli.doctor import show_doctor
from orchestration.cli.run import show_run
from orchestration.cli.sync import show_sync
from orchestration.flow import FlowResult
from orchestration.landing import StreamReport
from orchestration.settings import Settings, SettingsError
from orchestration.vendors.sync import SyncResult
from orchestration.warehouse import FileWarehouse, WarehouseBusyError

from .fake_sources import fake_settings
from .fake_sources import journal as journal_at
from .flow_helpers import PAYDOWN, ROOT, Demo, Site
from .loopback import Request, serving
from .vendor_pagerduty import TOKEN, Account

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
NUMBERS = (
    "source_count", "source_rows", "record_count", "fact_count", "excluded_count",
    "open_quarantine_count", "missing_count", "landed_difference", "read_difference",
    "raw_difference", "quarantine_difference", "fact_difference",
)  # fmt: skip
# What a screen returned, and its text on a line.
Shown = tuple[bool | None, str]
Show = Callable[..., Shown]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("COLUMNS", "80")
    return fake_settings(tmp_path, monkeypatch, as_of=NOW)


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    def shown(screen: Callable[..., bool | None], *arguments: Any) -> Shown:
        result, text = screen(*arguments), capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 80
        return result, " ".join(text.split())

    return shown


def journal(settings: Settings, source: str, hours: float, message: str = "") -> None:
    journal_at(settings, source, NOW - timedelta(hours=hours), message)


def publish(settings: Settings, *rows: dict[str, object]) -> None:
    """An analysts' copy with these rows of `rpt_data_quality`, and a reason for each outcome."""
    folder = settings.published / "current"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "paydown.duckdb")) as con:
        numbers = ", ".join(f"{name} bigint" for name in NUMBERS)
        con.execute(
            "create table rpt_data_quality (stream_id varchar, source_name varchar, "
            f"is_incident_stream boolean, {numbers})"
        )
        for row in rows:
            whole = {"is_incident_stream": True, **dict.fromkeys(NUMBERS, 0), **row}
            con.execute(
                f"insert into rpt_data_quality ({', '.join(whole)}) "
                f"values ({', '.join('?' * len(whole))})",
                [*whole.values()],
            )
        con.execute(
            "create table rpt_data_quality_reasons as select * from (values "
            "('good.incidents', 'excluded', 'test', 1), "
            "('good.incidents', 'excluded', 'merged', 12), "
            "('good.incidents', 'quarantined', 'id is missing; a record needs it', 2)"
            ") as r(stream_id, outcome, reason, reason_count); "
            "create table rpt_unmatched_services as select * from (values "
            "('good', 'shop', 3, null), ('good', 'pay', 2, 'a and b'), ('good', null, 1, null)"
            ") as s(source_name, stated_name, incident_count, claimed_by); "
            "create table rpt_catalog_conflicts as select * from (values "
            "('1', 'entity', 'component:default/a', 'x.yaml and y.yaml'), "
            "('2', 'id', 'pagerduty:p1', 'a and b')"
            ") as s(conflict_id, conflict_kind, conflict_subject, claimed_by); "
            "create table rpt_unknown_words as select 'good' as source_name, 'priority' as field, "
            "'Urgente' as word, 'seeds/x.csv' as add_to, 7 as record_count; "
            "create table fct_postmortems as select * from (values ('pm-1', 1, 1), ('pm-2', 2, 1), "
            "('pm-3', 0, 0)) as p(postmortem_id, incident_count, linked_incident_count)"
        )


@pytest.mark.parametrize(
    ("source", "hours", "message", "is_well", "words"),
    [
        ("good", 0.5, "", True, "ok good complete up to 2026-06-26 15:30 UTC, 30 min ago; one is"),
        ("good", 3, "", True, "3 h ago; one is due every 3 h, owner team-a"),
        ("good", 3.01, "", False, "bad good stale, complete up to 2026-06-26 12:59 UTC"),
        ("good", 100, "", False, "4 days ago"),
        ("good", None, "", True, "note good no sync was complete yet"),
        # What stopped a sync last night, but no longer does, needs nobody.
        ("good", 1, "no token", True, "note good no sync was complete yet; one is due every 3 h, "
         "owner team-a; the last sync stopped: no token. It answers now: `paydown sync good`"),
        ("down", 1, "no token", False, "bad down no sync was complete yet"),
        ("down", 1, "", False, "bad down down: GET /x: no answer"),
        ("locked", 1, "", False, "MADE_UP_TOKEN is not set; put an API key with read access there"),
        ("breaking", 1, "", False, "RuntimeError at fake_sources.py"),
    ],
)  # fmt: skip
def test_each_source_is_asked_and_its_freshness_shown(
    settings: Settings, show: Show, source: str, hours: float | None, message: str,
    is_well: bool, words: str,
) -> None:  # fmt: skip
    if hours is not None:
        journal(settings, source, hours, message)
    found, text = show(show_doctor, replace(settings, sources=(source,)))
    assert found == is_well
    assert words in text
    assert "not switched on (PAYDOWN_SOURCES):" in text
    assert ("nothing to correct" in text) == is_well
    assert "verysecret" not in text


def test_rows_from_the_source_to_the_facts_with_reasons(settings: Settings, show: Show) -> None:
    counts = {"source_count": 1_204, "source_rows": 1_300, "record_count": 1_202,
              "fact_count": 1_189, "excluded_count": 13, "open_quarantine_count": 2}  # fmt: skip
    other = {"source_count": None, "source_rows": 0, "is_incident_stream": False}
    publish(
        settings,
        {"stream_id": "good.incidents", "source_name": "good"} | counts,
        {"stream_id": "good.services", "source_name": "good"} | other,
    )
    is_well, text = show(show_doctor, settings)
    assert is_well
    for words in (
        "good.incidents 1,204 1,202 1,189 13 2",
        "good.incidents excluded: 12 merged, 1 test",
        "good.incidents quarantined: 2 id is missing",
        "note good service shop 3 incidents; not in the catalog under this name",
        "note good service pay 2 incidents; claimed by a and b; leave it with one of them",
        "note catalog component:default/a described by x.yaml and y.yaml; keep one of them",
        "note catalog pagerduty:p1 claimed by a and b, so it leads to neither",
        "note good service (none) 1 incidents; they name no service",
        "note good priority 7 records say Urgente, which is not in a known list; add it to seeds/x",
        "note pm-2 1 of 2 incidents that the postmortem names have landed",
        "note pm-3 0 of 0 incidents",
    ):
        assert words in text
    assert "good.services" not in text
    assert "pm-1" not in text


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("missing_count", "7 of 9 records at the source are missing; `paydown sync good --since"),
        ("landed_difference", "7 records that syncs landed and no load read"),
        ("read_difference", "neither raw nor quarantined"),
        ("raw_difference", "raw rows that loads wrote are missing"),
        ("quarantine_difference", "quarantined rows"),
        ("fact_difference", "neither facts nor excluded"),
    ],
)
def test_whatever_was_lost_needs_a_person(
    settings: Settings, show: Show, column: str, words: str
) -> None:
    row: dict[str, object] = {"stream_id": "good.incidents", "source_name": "good"}
    publish(settings, row | {"source_count": 9, "source_rows": 2, column: 7})
    is_well, text = show(show_doctor, settings)
    assert not is_well
    assert words in text
    assert "1 to correct" in text


def test_what_stopped_the_last_run_is_reported(settings: Settings, show: Show) -> None:
    settings.runs.mkdir(parents=True)
    for hour, error in (("09", "dbt build: old"), ("10", "dbt build: states: word=Zrušeno")):
        file = settings.runs / f"20260626T{hour}0000000000-x.json"
        file.write_text(json.dumps({"error": error}))
    is_well, text = show(show_doctor, settings)
    assert not is_well
    assert "bad last run stopped at 20260626T1000 UTC: dbt build: states: word=Zrušeno" in text
    assert "old" not in text
    file.write_text(json.dumps({"error": ""}))
    assert "last run" not in show(show_doctor, settings)[1]


def test_it_fits_80_columns_and_writes_nothing(settings: Settings, show: Show) -> None:
    def times() -> dict[Path, int]:
        # The ledger is made by whoever looks into it first.
        paths = [p for p in settings.home.parent.rglob("*") if "ledger" not in p.name]
        return {path: path.stat().st_mtime_ns for path in paths if path != settings.home}

    journal(settings, "good", 1, "x" * 300)
    name = "a_source_with_a_long_name.and_a_stream_with_one"
    publish(settings, {"stream_id": name, "source_name": "good", **dict.fromkeys(NUMBERS, 10**9)})
    before = times()
    show(show_doctor, replace(settings, sources=("good", "locked")))
    assert times() == before


def test_the_demo_lists_what_is_quarantined_by_kind(demo: Demo) -> None:
    done = demo.site.command("doctor", COLUMNS="80")
    assert done.returncode == 0, done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    text = " ".join(done.stdout.split())
    for words in (
        "note pagerduty.incidents 2 open in 2 files (such as",
        "pagerduty/incidents/2026-06.ndjson:12): is not JSON",
        "pagerduty.incidents excluded: 8 merged",
        "legacy-batch",
        "nothing is broken; 8 quarantined records",
    ):
        assert words in text
    assert "nothing to correct" not in text


def test_a_warehouse_in_use_is_not_reported_as_in_order(
    settings: Settings, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise WarehouseBusyError("a run (process 7) has it open")

    settings.warehouse.touch()
    monkeypatch.setattr(FileWarehouse, "reading", refuse)
    is_well, text = show(show_doctor, settings)
    assert is_well
    assert "nothing is broken; a run (process 7) has it open" in text


def test_a_rejected_file_is_forgotten_when_it_is_gone(site: Site) -> None:
    file = Path(site.variables["PAYDOWN_LANDING"], "pagerduty", "incidents", "cut.json.gz")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x1f\x8b half")
    assert site.command("run").returncode == 1
    rejected = site.command("doctor")
    assert rejected.returncode == 1
    assert "cut.json.gz" in rejected.stdout
    file.rename(file.with_name("elsewhere.txt"))
    assert "cut.json.gz" not in site.command("doctor").stdout


# --- paydown sync ------------------------------------------------------------------------------


def test_sync_shows_a_row_for_each_source_and_why_one_stopped(
    settings: Settings, show: Show
) -> None:
    settings = replace(settings, sources=("good", "down"))
    is_well, text = show(show_sync, settings, [], None)
    assert not is_well
    assert "good complete 3 2 0." in text
    assert "down stopped 3 2 0." in text
    assert "down, owner team-b down: GET /x: no answer" in text
    is_well, text = show(show_sync, settings, ["good"], date(2026, 1, 1))
    assert is_well
    assert "down" not in text


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ((), "no source is switched on; set PAYDOWN_SOURCES"),
        (("down",), "good: not switched on; add it: PAYDOWN_SOURCES=down,good"),
    ],
)
def test_sync_reads_only_what_is_switched_on(
    settings: Settings, sources: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        show_sync(replace(settings, sources=sources), ["good"], None)
    assert list(settings.landing.rglob("*")) == [settings.landing / "postmortems"]


def test_a_sync_that_waits_can_be_interrupted(tmp_path: Path) -> None:
    vendor = Account()
    asked, over = threading.Event(), threading.Event()

    def hang(_: Request) -> None:
        asked.set()
        over.wait(60)

    vendor.before = hang
    with serving(vendor) as url:
        (tmp_path / "sources.yaml").write_text(json.dumps({"pagerduty": {"url": url}}))
        environment = {
            "PAYDOWN_HOME": str(tmp_path / "home"),
            "PAYDOWN_MODERNIZATION": str(tmp_path),
            "PAYDOWN_SOURCES": "pagerduty",
            "PAGERDUTY_TOKEN": TOKEN,
        }
        with subprocess.Popen(
            [str(PAYDOWN), "sync"],
            cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True,
            # A background job ignores it, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:  # fmt: skip
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            shown, _ = process.communicate(timeout=30)
            over.set()
    assert process.returncode == 130
    assert "interrupted; what was committed is kept" in shown


def test_a_run_says_which_sources_came_to_their_end(settings: Settings, show: Show) -> None:
    good = SyncResult("good", "a", "complete", streams={"x": StreamReport(records=1_203)})
    result = FlowResult("1", NOW, synced=[good, SyncResult("down", "b", "stopped")])
    assert "synced 1,203 records, from good; down stopped" in show(show_run, settings, result)[1]
