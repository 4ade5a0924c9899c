"""The archive of an Opsgenie account: whole, resumable, and able to prove it."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.http import AccessError, SourceError
from orchestration.screens.archive import app
from orchestration.vendors.base import Context
from orchestration.vendors.opsgenie import OpsgenieConfig, api
from orchestration.vendors.opsgenie import archive as job
from orchestration.vendors.opsgenie.archive import Archived, archive
from orchestration.vendors.opsgenie.archive_store import MANIFEST, open_store, verify

from .loader_helpers import ROOT, Landing, project_streams
from .loopback import FAULTS, IMPATIENT, Answer, Fault, Request, killed_at, landed, serving
from .vendor_opsgenie import KEY, OpsgenieVendor, undescribed


class Account(OpsgenieVendor):
    """One with settings, secrets among them, and a list that may not be read."""

    def __init__(self, alerts: int = 23, incidents: int = 9) -> None:
        super().__init__(alerts, incidents, days=900)
        self.team_logs = [{"log": f"change {n}", "owner": "u000"} for n in range(150)]
        self.lists |= {
            "/v2/account": {"name": "acme", "plan": {"name": "Enterprise"}},
            "/v2/teams/t1": {"id": "t1", "name": "risk", "members": []},
            "/v2/policies/alert": [{"id": "p1", "name": "quiet"}],
            "/v2/policies/p1": {"id": "p1", "name": "quiet", "actions": ["x"]},
            "/v2/integrations": [{"id": "n1", "name": "Prometheus"}],
            "/v2/integrations/n1": {
                "id": "n1", "apiKey": "ik-secret-1",
                "callback": {"username": "bob", "password": "pw-secret-2"},
            },
            "/v2/heartbeats": {"heartbeats": [{"name": "backup"}]},
            "/v1/services": [{"id": "s1", "name": "ledger"}],
            "/v2/users/u001/contacts": [{"id": "c1", "method": "sms"}],
        }  # fmt: skip
        self.forbidden = {"/v1/policies"}

    def answer(self, request: Request) -> Answer:
        if request.path in self.forbidden:
            return Answer({"message": "not in this plan"}, 403)
        if request.path == "/v2/teams/t1/logs":
            begin = int(request.one("offset", "0"))
            rows = self.team_logs[begin : begin + int(request.one("limit"))]
            return Answer({"data": {"offset": str(begin + len(rows)), "logs": rows}})
        return super().answer(request)


def run(folder: Path, url: str, **options: Any) -> Archived:
    context = Context(environment={"OPSGENIE_API_KEY": KEY}, patience=IMPATIENT)
    return archive(OpsgenieConfig(url=url).api(context), folder, **options)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): gzip.decompress(path.read_bytes())
        for path in sorted(folder.rglob("*.ndjson.gz"))
    }


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 5)
    monkeypatch.setattr(job, "CHUNK", 8)


def test_all_of_the_account_is_there_and_provable(tmp_path: Path) -> None:
    vendor = Account()
    with serving(vendor) as url:
        done = run(tmp_path, url)
        saved = {row["id"]: row for row in landed(tmp_path, "alerts")}
        assert saved == vendor.alerts
        assert {row["id"]: row for row in landed(tmp_path, "incidents")} == vendor.incidents
        logs = {row["alertId"]: row["logs"] for row in landed(tmp_path, "alert_logs")}
        assert logs == vendor.logs
        entries = {r["incidentId"]: r["entries"] for r in landed(tmp_path, "incident_timelines")}
        assert entries == vendor.timelines
        assert {
            name: count for name, count in done.counts.items() if name.startswith("account/")
        } == {
            "account/account": 1, "account/users": 3, "account/user_contacts": 1,
            "account/teams": 1, "account/team_details": 1, "account/team_logs": 150,
            "account/team_alert_policies": 1, "account/team_alert_policy_details": 1,
            "account/alert_policies": 1, "account/alert_policy_details": 1,
            "account/integrations": 1, "account/integration_details": 1,
            "account/heartbeats": 1, "account/services": 1,
        }  # fmt: skip
        assert set(done.refused) == {"old_policies"}
        assert "answered 403" in done.refused["old_policies"]
        verdict = verify(tmp_path)
        assert verdict.counts == done.counts
        assert (verdict.faults, verdict.is_finished) == ([], True)
        # Finished is finished.
        assert run(tmp_path, url).requests == 0


def test_no_secret_is_saved(tmp_path: Path) -> None:
    with serving(Account(3, 3)) as url:
        run(tmp_path, url)
    text = b"".join(content(tmp_path).values()) + (tmp_path / MANIFEST).read_bytes()
    assert b"bob" in text
    for secret in (KEY, "ik-secret-1", "pw-secret-2"):
        assert secret.encode() not in text


def test_killed_anywhere_it_goes_on_and_is_whole(tmp_path: Path) -> None:
    dice, kills, done = random.Random(3), 0, 0
    vendor = Account(9, 3)
    with serving(vendor) as url:
        run(tmp_path / "whole", url)
        expected = content(tmp_path / "whole")
        while kills < 40 or not done:
            folder = tmp_path / str(done)
            if killed_at(dice.randrange(110), lambda folder=folder: run(folder, url)):
                kills += 1
                continue
            assert content(folder) == expected
            assert verify(folder).faults == []
            done += 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_survived_or_stops_it_until_the_next_call(tmp_path: Path, fault: Fault) -> None:
    with serving(Account(4, 2)) as url:
        total = run(tmp_path / "whole", url).requests
    expected = content(tmp_path / "whole")
    for number in random.Random(fault).sample(range(total), 4 if fault == "slow_drip" else 6):
        vendor = Account(4, 2)
        vendor.faults = {number: fault}
        folder = tmp_path / str(number)
        with serving(vendor) as url:
            try:
                done = run(folder, url)
            except SourceError:
                assert fault in ("expired", "redirect")
                vendor.renew()
                done = run(folder, url)
        assert set(done.refused) == {"old_policies"}
        assert content(folder) == expected


def test_a_key_that_ends_stops_it_instead_of_refusing_all(tmp_path: Path) -> None:
    vendor = Account(4, 2)
    vendor.faults = {30: "expired"}
    with serving(vendor) as url, pytest.raises(AccessError, match="OPSGENIE_API_KEY"):
        run(tmp_path, url)
    assert not verify(tmp_path).is_finished


def test_what_is_deleted_meanwhile_is_saved_as_listed(tmp_path: Path) -> None:
    vendor = Account(4, 2)
    name = sorted(vendor.alerts)[2]
    listed = {key: vendor.alerts[name][key] for key in ("id", "createdAt", "status")}

    def before(request: Request) -> None:
        if request.path == f"/v2/alerts/{name}":
            vendor.alerts.pop(name, None)

    vendor.before = before
    with serving(vendor) as url:
        run(tmp_path, url)
    saved = {row["id"]: row for row in landed(tmp_path, "alerts")}
    assert len(saved) == 4
    assert listed.items() <= saved[name].items()
    assert verify(tmp_path).faults == []


def test_verify_finds_what_was_changed(tmp_path: Path) -> None:
    with serving(Account(19, 3)) as url:
        run(tmp_path, url)
    first, second = sorted((tmp_path / "alerts").iterdir())[:2]
    first.unlink()
    second.write_bytes(gzip.compress(b'{"id": "forged"}\n'))
    (tmp_path / "incidents/stray.ndjson.gz").write_bytes(gzip.compress(b"{}\n"))
    assert [fault.split(" ", 1)[1] for fault in verify(tmp_path).faults] == [
        "is missing",
        "was changed: its SHA-256 is not that of the manifest",
        "is not in the manifest",
        "2 saved, Opsgenie counted 19",
    ]


def test_one_job_a_folder_and_only_archives(tmp_path: Path) -> None:
    with open_store(tmp_path / "a"), pytest.raises(SourceError, match="let it finish"):  # noqa: SIM117
        with open_store(tmp_path / "a"):
            pass
    (tmp_path / "b").mkdir()
    (tmp_path / "b/letters.txt").write_text("dear")
    with pytest.raises(SourceError, match="holds no archive"), open_store(tmp_path / "b"):
        pass
    with pytest.raises(SourceError, match="name the folder of an archive"):
        verify(tmp_path / "b")


def test_requests_are_those_of_the_description(tmp_path: Path) -> None:
    description = ROOT.parent / "shared/specs/opsgenie.json"
    if not description.exists():
        pytest.skip("the vendor's description is not here")
    vendor = Account()
    vendor.logs[sorted(vendor.alerts)[4]] *= 120
    with serving(vendor) as url:
        run(tmp_path, url)
    assert not undescribed(description, vendor.requests)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSGENIE_API_KEY", KEY)
    monkeypatch.setenv("PAYDOWN_MODERNIZATION", str(tmp_path))
    vendor = Account(4, 2)
    vendor.forbidden.clear()
    folder = str(tmp_path / "kept")
    with serving(vendor) as url:
        (tmp_path / "sources.yaml").write_text(json.dumps({"opsgenie": {"url": url}}))
        skipped = CliRunner().invoke(app, ["opsgenie", folder, "--skip", "alerts"])
        assert skipped.exit_code == 1
        assert "choose from alert_logs" in skipped.output
        done = CliRunner().invoke(app, ["opsgenie", folder, "--skip", "alert_recipients"])
        assert (done.exit_code, "4  alerts" in done.output) == (0, True)
    assert not any("recipients" in request.path for request in vendor.requests)
    verified = CliRunner().invoke(app, ["opsgenie", folder, "--verify"])
    assert (verified.exit_code, "all as the manifest says" in verified.output) == (0, True)
    next((tmp_path / "kept/alerts").iterdir()).unlink()
    verified = CliRunner().invoke(app, ["opsgenie", folder, "--verify"])
    assert (verified.exit_code, "NOT whole" in verified.output) == (1, True)


def test_a_copy_of_it_loads_as_a_sync_would(tmp_path: Path) -> None:
    warehouse = Landing(tmp_path / "home")
    vendor = Account(9, 4)
    with serving(vendor) as url:
        run(tmp_path / "kept", url)
    target = warehouse.roots["landing"] / "opsgenie"
    for stream in ("alerts", "alert_logs", "incidents", "incident_timelines"):
        shutil.copytree(tmp_path / "kept" / stream, target / stream)
    for stream in ("services", "teams", "users"):
        (target / stream).mkdir()
        shutil.copy(tmp_path / f"kept/account/{stream}.ndjson.gz", target / stream)
    streams = [one for one in project_streams() if one["source_name"] == "opsgenie"]
    assert warehouse.load(*streams).rejected == []
    assert warehouse.query("select * from raw.quarantine") == []
    assert warehouse.counts(*streams) == {
        "alerts": 9, "alert_logs": 9, "incidents": 4, "timeline_entries": 4, "record_ids": 0,
        "sweeps": 0, "services": 1, "teams": 1, "users": 3,
    }  # fmt: skip
