"""A real export: 83,526 states of 13,698 ServiceNow incidents, which nobody wrote for us.

Runs where the file is: the folder in PAYDOWN_REAL_EXPORTS, or ../shared/data beside the checkout.
"""

from __future__ import annotations

import csv
import gzip
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from .flow_helpers import ROOT, Site

EXPORTS = Path(os.environ.get("PAYDOWN_REAL_EXPORTS", ROOT.parent / "shared" / "data"))
LOG = EXPORTS / "servicenow-uci" / "incident_event_log.csv.gz"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not LOG.exists(), reason=f"no real export at {LOG}; name its folder in PAYDOWN_REAL_EXPORTS"
    ),
]


def test_every_row_counts_and_every_duration_equals_the_oracle(site: Site, tmp_path: Path) -> None:
    folder = Path(site.variables["PAYDOWN_LANDING"]) / "servicenow" / "incidents"
    folder.mkdir(parents=True)
    shutil.copy(LOG, folder)

    run = site.command(
        "run",
        PAYDOWN_SERVICENOW_SERVICE_FIELD="assignment_group",
        PAYDOWN_AS_OF="2017-03-01T00:00:00Z",
    )

    assert run.returncode == 0, run.stdout + run.stderr
    raw = site.raw("select count(*) from raw.servicenow__incidents")[0][0]
    quarantined = site.raw("select count(*) from raw.quarantine")[0][0]
    assert raw + quarantined == 83_526
    found = dict(site.query("select source_incident_id, elapsed_seconds from fct_incidents"))
    assert found == _durations()
    assert len(found) == 13_698
    ranked = site.query("select count(*), max(score_rank) from rpt_promotion_candidates")[0]
    assert ranked[0] == ranked[1] > 50


def _durations() -> dict[str, int | None]:
    """Seconds from opening to resolving by the newest row of each incident, from the CSV alone."""
    newest: dict[str, tuple[tuple[datetime, int], int | None]] = {}
    with gzip.open(LOG, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            opened, resolved = _moment(row["opened_at"]), _moment(row["resolved_at"])
            updated = _moment(row["sys_updated_at"])
            assert opened
            assert updated
            version = (updated, int(row["sys_mod_count"]))
            if row["number"] not in newest or version >= newest[row["number"]][0]:
                is_over = row["incident_state"] in ("Resolved", "Closed")
                seconds = (resolved - opened).total_seconds() if resolved and is_over else None
                newest[row["number"]] = (version, None if seconds is None else int(seconds))
    return {number: seconds for number, (_, seconds) in newest.items()}


def _moment(text: str) -> datetime | None:
    return None if text == "?" else datetime.strptime(text, "%d/%m/%Y %H:%M")
