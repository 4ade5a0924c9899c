"""The sample exports through this project's own contracts, without dbt."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.configuration import READERS

from ..samples.reading import LANDING, lines
from .loader_helpers import ROOT, Landing, project_streams

STREAMS = project_streams()


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    landing = Landing(tmp_path_factory.mktemp("samples"))
    landing.roots |= {"landing": LANDING, "modernization": ROOT / "modernization"}
    report = landing.load(*STREAMS, readers=READERS)
    assert report.rejected == []
    return landing


def test_what_is_wrong_in_them_is_found_where_it_is_documented(landing: Landing) -> None:
    found = landing.query("select file, line, field, reason from raw.quarantine order by all")
    broken = {(row["file"], row["line"]): row["reason"] for row in found}
    clocks = [place for place, reason in broken.items() if "correct the clock" in reason]
    # Three incidents: PagerDuty's is in a backup too, Opsgenie's has an alert.
    assert {file for file, _ in clocks} == {
        "opsgenie/alerts/2026-q2.json.gz",
        "opsgenie/incidents/2026-q2.ndjson",
        "pagerduty/incidents/2026-05.json",
        "pagerduty/incidents/restored-backup-2026-05-18.json",
        "servicenow/incidents/table-api-2026-q2-display.json",
    }
    assert len(clocks) == 5
    assert {place: reason for place, reason in broken.items() if place not in clocks} == {
        ("pagerduty/incidents/2026-06.ndjson", 12): (
            "is not JSON; correct the line and load the file again"
        ),
        ("opsgenie/incidents/2026-q2.ndjson", 21): (
            "id is missing (looked in id); a record needs it"
        ),
        ("servicenow/incidents/event-log-2026-q2.csv", 10): (
            "has 37 values, but the header has 36; correct the line and load the file again"
        ),
    }


@pytest.mark.parametrize(
    "folder",
    ["pagerduty/incidents", "pagerduty/log_entries", "opsgenie/incidents", "opsgenie/alerts"],
)
def test_every_record_of_the_files_is_there(landing: Landing, folder: str) -> None:
    source, stream = folder.split("/")
    (found,) = landing.query(
        "select sum(records)::int as records, sum(rows_loaded)::int as good from raw.loads "
        "where source = ? and stream = ?", source, stream,
    )  # fmt: skip
    written = list(lines(folder))
    assert found["records"] == len(written)
    (rows,) = landing.query(f"select count(*)::int as rows from raw.{source}__{stream}")
    assert rows["rows"] == found["good"]


def test_all_is_accounted_for_and_the_second_load_brings_nothing(landing: Landing) -> None:
    assert landing.unaccounted(*STREAMS) == []
    again = landing.load(*STREAMS, readers=READERS)
    assert (again.files_loaded, again.rows_loaded, again.rows_quarantined) == (0, 0, 0)


def test_a_file_below_another_root_is_named_with_it(landing: Landing) -> None:
    (row,) = landing.query("select distinct _source_file from raw.modernization__scoring")
    assert Path(row["_source_file"]) == Path("modernization/scoring.yaml")
