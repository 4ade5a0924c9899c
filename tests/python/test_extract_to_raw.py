"""From every vendor at once through the landing folder into raw: what each holds, and no more."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.configuration import READERS
from orchestration.settings import Settings
from orchestration.vendors.opsgenie import api, feed
from orchestration.vendors.pagerduty import pages
from orchestration.vendors.servicenow.table import raw
from orchestration.vendors.sync import sync_sources

from .loader_helpers import Landing, project_streams
from .loopback import Vendor, serving
from .pagerduty_helpers import CALM, FLOOR, fill
from .vendor_backstage import Catalog
from .vendor_datadog import FakeDatadog
from .vendor_opsgenie import KEY, OpsgenieVendor
from .vendor_pagerduty import START, TOKEN, Account
from .vendor_prometheus import FakePrometheus, Series
from .vendor_servicenow import Instance

SECRETS = {
    "PAGERDUTY_TOKEN": TOKEN,
    "OPSGENIE_API_KEY": KEY,
    "SERVICENOW_TOKEN": "snow-1",
    "BACKSTAGE_TOKEN": "tok-backstage",
    "DD_API_KEY": "dd-1",
    "DD_APP_KEY": "dd-2",
}
AT = int(START.timestamp())
ALWAYS = 0.0001
QUERY = {"name": "errors", "query": "errors", "kind": "error_ratio", "window": "5m"}
CONFIG: dict[str, dict[str, Any]] = {
    "pagerduty": {"since": FLOOR.date(), "sweep_recent_hours": ALWAYS},
    "opsgenie": {"since": FLOOR.date(), "sweep_hours": ALWAYS},
    "servicenow": {
        "since": FLOOR.date(), "page_size": 10, "id_page_size": 20, "sweep_hours": ALWAYS,
    },
    "backstage": {"page_size": 3},
    "prometheus": {"since": (START - timedelta(days=1)).date(), "queries": [QUERY]},
    "datadog": {"since": (START - timedelta(days=2)).date()},
}  # fmt: skip


def streams(*sources: str) -> list[dict[str, Any]]:
    return [one for one in project_streams() if one["source_name"] in sources]


class Site:
    """A vendor of each kind, and the settings of a user who reads them all."""

    def __init__(self, home: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.pagerduty = Account(page=5, cap=40)
        fill(self.pagerduty, 30, self.chance)
        self.opsgenie = OpsgenieVendor(20, 12)
        self.opsgenie.kept = {min(self.opsgenie.alerts), min(self.opsgenie.incidents)}
        self.servicenow = Instance(START, seed)
        for _ in range(25):
            self.servicenow.open(START - timedelta(hours=self.chance.randrange(1, 900)))
        self.servicenow.catalog()
        self.backstage = Catalog(seed)
        for n in range(8):
            self.backstage.register(f"s{n}")
        self.prometheus = FakePrometheus(AT)
        self.prometheus.held["errors"] = [
            Series(
                {"app_kubernetes_io_name": "s1"}, dict.fromkeys(range(AT - 9000, AT, 300), "0.5")
            )
        ]
        self.datadog = FakeDatadog(AT)
        self.datadog.add("slo1")
        self.vendors: dict[str, Vendor] = {name: getattr(self, name) for name in CONFIG}
        self.loader = Landing(home)
        self.settings = Settings.from_environment(
            {
                "PAYDOWN_HOME": str(home),
                "PAYDOWN_LANDING": str(self.loader.roots["landing"]),
                "PAYDOWN_MODERNIZATION": str(self.loader.roots["modernization"]),
                "PAYDOWN_SOURCES": ",".join(CONFIG),
            }
        )

    def configure(self, urls: dict[str, str]) -> None:
        config = {name: {**CONFIG[name], "url": url} for name, url in urls.items()}
        self.loader.write("sources.yaml", yaml.safe_dump(config), root="modernization")

    def busy(self) -> None:
        """From now on things happen before every third request or so."""
        acts = {
            "pagerduty": lambda: self.pagerduty.something(self.chance),
            "opsgenie": lambda: self.opsgenie.stir(self.chance),
            "servicenow": self.servicenow.stir,
        }
        for name, act in acts.items():
            dice = random.Random(self.chance.random())
            self.vendors[name].before = lambda _, act=act, dice=dice: (
                act() if dice.random() < 0.3 else None
            )

    def quiet(self) -> None:
        """Nothing happens any more, and two hours pass."""
        for vendor in self.vendors.values():
            vendor.before = lambda _: None
        self.pagerduty.clock += timedelta(hours=2)
        self.opsgenie.tick(hours=2)
        self.servicenow.clock += timedelta(hours=2)

    def sync(self) -> dict[str, str]:
        """One sync of all, and a load; what each source said."""
        results = sync_sources(self.settings, patience=CALM)
        report = self.loader.load(*streams(*CONFIG), readers=READERS)
        assert report.rejected == []
        return {one.source: f"{one.status} {one.message}".strip() for one in results}

    def newest(self, table: str, version: str) -> dict[str, Any]:
        """The newest version of each record of a raw table, by its id, as the vendor wrote it."""
        rows = self.loader.query(
            f"select * from raw.{table} qualify row_number() over "
            f"(partition by id order by {version}) = 1"
        )
        return {row["id"]: json.loads(row["_payload"]) for row in rows}

    def snapshot(self, table: str, key: str, where: str = "true") -> set[str]:
        """The keys in the newest version of each file of a raw table; each comes once."""
        rows = self.loader.query(
            f"select {key} as key from (select *, max(_loaded_at) over (partition by _source_file)"
            f" as newest_at from raw.{table}) where _loaded_at = newest_at and key is not null"
            f" and {where}"
        )
        assert max(Counter(row["key"] for row in rows).values()) == 1
        return {row["key"] for row in rows}


@pytest.mark.parametrize("seed", range(2))
def test_after_two_syncs_raw_holds_what_the_vendors_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for module, values in [
        (pages, {"PAGE": 5, "CAP": 40}), (api, {"PAGE": 7}), (feed, {"BATCH": 9}),
    ]:  # fmt: skip
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    site = Site(tmp_path, seed)
    with ExitStack() as stack:
        site.configure({n: stack.enter_context(serving(v)) for n, v in site.vendors.items()})
        site.busy()
        site.sync()
        site.quiet()
        assert site.sync() == dict.fromkeys(CONFIG, "complete")
    assert site.loader.query("select * from raw.quarantine") == []

    held = {
        name: one
        for name, one in site.pagerduty.incidents.items()
        if one["created_at"] >= f"{FLOOR:%Y-%m-%d}"
    }
    assert site.snapshot("pagerduty__incident_ids", "id") == held.keys()
    newest = site.newest("pagerduty__incidents", "updated_at desc, _loaded_at desc, _line desc")
    assert {name: newest[name] for name in held} == held
    entries = site.loader.query("select id from raw.pagerduty__log_entries")
    landed = Counter(row["id"] for row in entries)
    assert max(landed.values()) == 1
    assert landed.keys() >= {e.record["id"] for e in site.pagerduty.entries if e.at >= FLOOR}

    for kind in ("alerts", "incidents"):
        there = getattr(site.opsgenie, kind)
        newest = site.newest(f"opsgenie__{kind}", "updated_at desc")
        assert site.snapshot("opsgenie__record_ids", "id", f"kind = '{kind[:-1]}'") == there.keys()
        assert {name: newest[name] for name in there} == there

    incidents = site.servicenow.tables["incident"]
    rows = site.loader.query("select _payload from raw.servicenow__incidents")
    versions: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        record = json.loads(row["_payload"])
        versions[raw(record, "sys_id"), raw(record, "sys_updated_on"), raw(record, "state")] += 1
    assert {(k, v["sys_updated_on"], v["state"]) for k, v in incidents.items()} <= versions.keys()
    assert site.snapshot("servicenow__incident_ids", "sys_id") == incidents.keys()

    assert site.snapshot("backstage__entities", "name") == set(site.backstage.names())
    samples = site.loader.query(
        "select sampled_at, value, service from raw.prometheus__samples "
        "join raw.prometheus__series using (series_id)"
    )
    assert len(samples) == len(site.prometheus.held["errors"][0].points)
    assert {(one["value"], one["service"]) for one in samples} == {(0.5, "s1")}
    assert site.snapshot("datadog__slos", "id") == {"slo1"}
    assert site.loader.query("select count(*) as n from raw.datadog__samples")[0]["n"] > 0


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"app.kubernetes.io/name": "pay", "app.kubernetes.io/instance": "eu"}, "pay"),
        ({"app_kubernetes_io_name": "pay", "app_kubernetes_io_part_of": "shop"}, "pay"),
        ({"app_kubernetes_io_instance": "eu", "app.kubernetes.io/part-of": "shop"}, "eu"),
        ({"app_kubernetes_io_part_of": "shop", "service_owner": "risk"}, "shop"),
    ],
)
def test_labels_of_what_alerted_count_however_they_are_written(
    tmp_path: Path, labels: dict[str, str], expected: str
) -> None:
    site = Landing(tmp_path)
    moments = {"created_at": "2026-06-01T00:00:00Z", "createdAt": "2026-06-01T00:00:00Z"}
    records: dict[str, list[dict[str, Any]]] = {
        "pagerduty/incidents": [
            {"body": {"details": labels}},
            {"first_trigger_log_entry": {"channel": {"details": {"labels": labels}}}},
        ],
        "pagerduty/log_entries": [
            {"channel": {"details": labels}}, {"channel": {"details": {"labels": labels}}},
        ],
        "opsgenie/alerts": [{"details": labels}],
        "opsgenie/incidents": [{"extraProperties": labels}],
    }  # fmt: skip
    for stream, some in records.items():
        whole = [
            {
                "id": f"x{n}", "type": "trigger_log_entry", "incident": {"id": "x"}, **moments,
                "incident_number": n, "status": "open", "message": "m", "title": "t", **one,
            }
            for n, one in enumerate(some)
        ]  # fmt: skip
        site.write(f"{stream}/a.json", json.dumps(whole))
    site.load(*streams("pagerduty", "opsgenie"))
    assert site.query("select * from raw.quarantine") == []
    for stream, some in records.items():
        rows = site.query(
            f"select label_k8s_name as name, label_service_owner as owner "
            f"from raw.{stream.replace('/', '__')}"
        )
        assert rows == [{"name": expected, "owner": labels.get("service_owner")}] * len(some)
