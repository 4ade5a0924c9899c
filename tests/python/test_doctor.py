"""The doctor says of each source whether it answers, what it may read, how fresh and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration.cli.doctor import show_doctor
from orchestration.cli.run import show_run
from orchestration.cli.sync import show_sync
from orchestration.flow import FlowResult
from orchestration.landing import StreamReport
from orchestration.settings import Settings
from orchestration.vendors.sync import SyncResult

from .fake_sources import fake_settings
from .fake_sources import journal as journal_at
from .flow_helpers import PAYDOWN, ROOT, Demo
from .loopback import Request, serving
from .vendor_pagerduty import TOKEN, Account

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
NUMBERS = (
    "source_count", "source_rows", "record_count", "fact_count", "excluded_count",
    "open_quarantine_count", "missing_count", "landed_difference", "read_difference",
    "raw_difference", "quarantine_difference", "fact_difference",
)  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return fake_settings(tmp_path, monkeypatch, as_of=NOW)


def journal(settings: Settings, source: str, hours: float, message: str = "") -> None:
    journal_at(settings, source, NOW - timedelta(hours=hours), message)


def publish(settings: Settings, *rows: dict[str, object]) -> None:
    """An analysts' copy with these rows of `rpt_data_quality`, and a reason for each outcome."""
    folder = settings.published / "current"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "paydown.duckdb")) as con:
        columns = ", ".join(f"{name} bigint" for name in NUMBERS)
        con.execute(
            "create table rpt_data_quality (stream_id varchar, source_name varchar, "
            f"is_incident_stream boolean, {columns})"
        )
        for row in rows:
            whole = {"is_incident_stream": True, **dict.fromkeys(NUMBERS, 0), **row}
            names = ", ".join(whole)
            marks = ", ".join("?" for _ in whole)
            con.execute(
                f"insert into rpt_data_quality ({names}) values ({marks})", [*whole.values()]
            )
        con.execute(
            "create table rpt_data_quality_reasons as select * from (values "
            "('good.incidents', 'excluded', 'test', 1), "
            "('good.incidents', 'excluded', 'merged', 12), "
            "('good.incidents', 'quarantined', 'id is missing; a record needs it', 2)"
            ") as r(stream_id, outcome, reason, reason_count)"
        )
        con.execute(
            "create table rpt_unmatched_services (source_name varchar, stated_name varchar, "
            "incident_count bigint)"
        )


def doctor(settings: Settings, width: int = 80) -> tuple[bool, str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    is_well = show_doctor(console, settings)
    return is_well, console.export_text()


def joined(text: str) -> str:
    return " ".join(text.split())


def test_each_source_is_asked_and_its_freshness_told(settings: Settings) -> None:
    journal(settings, "good", 0.5)
    journal(settings, "down", 1)
    journal(settings, "down", 0.2, "down: GET /x: answered 503")
    settings = replace(settings, sources=("good", "down"))
    is_well, shown = doctor(settings)
    assert not is_well
    text = joined(shown)
    assert "ok good good: 3 services, may read incidents" in text
    assert "ok good complete up to 2026-06-26 15:30 UTC, 30 min ago" in text
    assert "one is due every 3 h, owner team-a" in text
    assert "bad down down: GET /x: no answer" in text
    assert "the last sync stopped: down: GET /x: answered 503" in text
    assert "not switched on (PAYDOWN_SOURCES):" in text
    assert "1 to mend" in text


@pytest.mark.parametrize(
    ("hours", "message", "is_well", "told"),
    [
        (3, "", True, "3 h ago"),
        (3.01, "", False, "stale, complete up to 2026-06-26 12:59 UTC"),
        (100, "", False, "4 days ago"),
    ],
)
def test_a_source_is_stale_after_its_hours(
    settings: Settings, hours: float, message: str, is_well: bool, told: str
) -> None:
    journal(settings, "good", hours, message)
    found, shown = doctor(replace(settings, sources=("good",)))
    assert found == is_well
    assert told in joined(shown)


def test_a_missing_secret_is_named_and_none_is_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MADE_UP_TOKEN", raising=False)
    is_well, shown = doctor(replace(settings, sources=("locked", "breaking")))
    assert not is_well
    text = joined(shown)
    assert "MADE_UP_TOKEN is not set; put an API key with read access there" in text
    assert "RuntimeError at fake_sources.py" in text
    assert "verysecret" not in text


def test_rows_from_the_source_to_the_facts_with_reasons(settings: Settings) -> None:
    publish(
        settings,
        {
            "stream_id": "good.incidents", "source_name": "good", "source_count": 1_204,
            "source_rows": 1_300, "record_count": 1_202, "fact_count": 1_189,
            "excluded_count": 13, "open_quarantine_count": 2,
        },
        {
            "stream_id": "good.services", "source_name": "good", "source_count": None,
            "source_rows": 0, "is_incident_stream": False,
        },
    )  # fmt: skip
    is_well, shown = doctor(settings)
    assert is_well
    assert "good.incidents 1,204 1,202 1,189 13 2" in joined(shown)
    assert "good.incidents excluded: 12 merged, 1 test" in shown
    assert "good.incidents quarantined: 2 id is missing" in shown
    assert "good.services" not in shown


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("missing_count", "7 of 9 records at the source are missing; `paydown sync good --since"),
        ("landed_difference", "+7 records that syncs landed and no load read"),
        ("read_difference", "neither raw nor quarantined"),
        ("raw_difference", "raw rows that loads wrote are missing"),
        ("quarantine_difference", "quarantined rows"),
        ("fact_difference", "neither facts nor excluded"),
    ],
)
def test_whatever_was_lost_needs_a_person(settings: Settings, column: str, told: str) -> None:
    row: dict[str, object] = {"stream_id": "good.incidents", "source_name": "good"}
    publish(settings, row | {"source_count": 9, "source_rows": 2, column: 7})
    is_well, shown = doctor(settings)
    assert not is_well
    assert told in joined(shown)


def test_it_fits_80_columns_and_writes_nothing(settings: Settings) -> None:
    journal(settings, "good", 1, "x" * 300)
    name = "a_source_with_a_long_name.and_a_stream_with_one"
    publish(settings, {"stream_id": name, "source_name": "good", **dict.fromkeys(NUMBERS, 10**9)})
    settings = replace(settings, sources=("good", "locked"))
    before = {path: path.stat().st_mtime_ns for path in settings.home.parent.rglob("*")}
    _, shown = doctor(settings)
    assert max(map(len, shown.splitlines())) <= 80
    after = {path: path.stat().st_mtime_ns for path in settings.home.parent.rglob("*")}
    # The ledger is made by whoever looks into it first.
    assert {p: t for p, t in after.items() if "ledger" not in p.name and p != settings.home} == {
        p: t for p, t in before.items() if p != settings.home
    }


def test_the_demo_on_a_narrow_screen(demo: Demo) -> None:
    shown = demo.site.command("doctor", COLUMNS="80")
    assert shown.returncode == 0, shown.stdout
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("pagerduty/incidents/2026-06.ndjson:12" in line for line in lines)
    assert "pagerduty.incidents excluded: 8 merged" in shown.stdout
    assert "sources" in shown.stdout


# --- paydown sync ------------------------------------------------------------------------------


def sync(settings: Settings, names: list[str], since: date | None = None) -> tuple[bool, str]:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    return show_sync(console, settings, names, since), console.export_text()


def test_sync_shows_a_row_for_each_source_and_why_one_stopped(settings: Settings) -> None:
    settings = replace(settings, sources=("good", "down"))
    is_well, shown = sync(settings, [])
    assert not is_well
    text = joined(shown)
    assert "good complete 3 2 0." in text
    assert "down stopped 3 2 0." in text
    assert "down, owner team-b down: GET /x: no answer" in text
    is_well, shown = sync(settings, ["good"])
    assert is_well
    assert "down" not in shown


def test_sync_reads_only_what_is_switched_on(settings: Settings) -> None:
    is_well, shown = sync(settings, ["good"])
    assert not is_well
    assert "no source is switched on; set PAYDOWN_SOURCES" in joined(shown)
    is_well, shown = sync(replace(settings, sources=("down",)), ["good"])
    assert not is_well
    assert "good: not switched on; add it: PAYDOWN_SOURCES=down,good" in joined(shown)
    assert list(settings.landing.rglob("*")) == [settings.landing / "postmortems"]


def test_a_sync_that_waits_can_be_interrupted(tmp_path: Path) -> None:
    vendor = Account()
    asked, over = threading.Event(), threading.Event()

    def hang(_: Request) -> None:
        asked.set()
        over.wait(60)

    vendor.before = hang
    with serving(vendor) as url:
        modernization = tmp_path / "modernization"
        modernization.mkdir()
        (modernization / "sources.yaml").write_text(f"pagerduty: {{url: {url!r}}}\n")
        environment = {
            "PAYDOWN_HOME": str(tmp_path / "home"),
            "PAYDOWN_MODERNIZATION": str(modernization),
            "PAYDOWN_SOURCES": "pagerduty",
            "PAGERDUTY_TOKEN": TOKEN,
        }
        with subprocess.Popen(
            [str(PAYDOWN), "sync"],
            cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            shown, _ = process.communicate(timeout=30)
            over.set()
    assert process.returncode == 130
    assert "interrupted; what was committed stays" in shown


def test_a_run_says_which_sources_came_to_their_end(settings: Settings) -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    good = SyncResult("good", "a", "complete", streams={"x": StreamReport(records=1_203)})
    result = FlowResult("1", NOW, synced=[good, SyncResult("down", "b", "stopped")])
    show_run(console, settings, result)
    assert "synced   1,203 records, from good; down stopped\n" in console.export_text()
