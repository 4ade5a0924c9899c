"""Every source with a server of its vendor: its first sync, what changes there, its second sync.

`AT_WORK` has one function a way of reading; each gives a `Site` that stands still while it is read,
so that syncs which are disturbed can be compared with syncs which are not.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from orchestration.http import Patience
from orchestration.vendors import datadog
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig, client, source
from orchestration.vendors.backstage import BackstageConfig
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.git.extractor import GitConfig
from orchestration.vendors.jira import JiraSourceConfig
from orchestration.vendors.jira.source import JiraSource
from orchestration.vendors.opsgenie import api, feed
from orchestration.vendors.opsgenie.extractor import OpsgenieConfig
from orchestration.vendors.pagerduty import pages
from orchestration.vendors.pagerduty.extractor import PagerDutyConfig
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.prometheus_queries import Query
from orchestration.vendors.servicenow.extractor import ServiceNowConfig

from .decision_helpers import PATH, Repository, config
from .extraction import NOW, Source
from .loopback import Vendor
from .tracker_helpers import ENVIRONMENT as TRACKERS
from .tracker_helpers import vendor_of
from .tracker_people import People
from .vendor_azure_devops import ORGANIZATION
from .vendor_backstage import Catalog
from .vendor_datadog import FakeDatadog
from .vendor_git import ENVIRONMENT, GitServer, Remote
from .vendor_github import TOKEN as GITHUB_TOKEN
from .vendor_github import GitHubServer
from .vendor_opsgenie import KEY, OpsgenieVendor
from .vendor_pagerduty import START, TOKEN, Account
from .vendor_prometheus import FakePrometheus, Series
from .vendor_servicenow import Instance

# When something was asked, and up to when: a sync that comes later says a later moment.
MOMENTS = frozenset({"asked_at", "swept_at", "until", "created_before"})
# What stands at the moment of asking: a sync that was stopped before can't say it.
MOMENTARY = "prometheus/settings"
SECRET = re.compile("TOKEN|KEY|PASSWORD")

Records: TypeAlias = Counter[tuple[str, str]]


@dataclass
class Site:
    """One vendor's server and the settings to read it with.

    Attributes:
        changes: what people do there between the first and the second sync.
        gap: from the changes to the second sync.
        twice: the requests that must fail for each question to be asked twice.
        small: borders of pages and batches, small enough for there to be several.
    """

    source: str
    vendor: Vendor
    config: Callable[[str], SourceConfig]
    environment: Mapping[str, str]
    changes: Callable[[], object]
    gap: timedelta = timedelta(hours=30)
    twice: Collection[int] = range(0, 200, 2)
    small: Mapping[tuple[Any, str], int] = field(default_factory=dict)

    def passes(self, by: timedelta) -> None:
        """Move the server's clock, where it has one of its own."""
        vendor: Any = self.vendor
        if hasattr(vendor, "clock"):
            vendor.clock += by
        elif hasattr(vendor, "at"):
            vendor.at += int(by.total_seconds())

    @property
    def secrets(self) -> list[str]:
        return [value for name, value in self.environment.items() if SECRET.search(name)]

    def sync(self, root: Path, url: str, patience: Patience) -> None:
        """One sync into `root / "landing"`.

        Raises:
            SourceError: it was stopped.
        """
        source = Source(self.source, self.environment, self.vendor, patience)
        _, said, _ = source.sync(root / "landing", self.config(url), state=root / "state")
        assert not any(secret in line for secret in self.secrets for line in said)

    def context(self, environment: Mapping[str, str] | None = None) -> Context:
        """What an extractor is given; with these secrets, if they are given."""
        known = self.environment if environment is None else environment
        return Source(self.source, known).context()


def landed_records(root: Path) -> Records:
    """Every record that a loader would see, by its stream, and how often it is there; of other
    files their text."""
    found: Records = Counter()
    folder = root / "landing"
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if not path.is_file() or name.parts[0] == "paydown":
            continue
        if any(part.startswith(".") for part in name.parts):
            continue
        content = path.read_bytes()
        if ".ndjson" not in path.name:
            found[str(name), content.decode()] += 1
            continue
        for line in (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines():
            kept = {key: value for key, value in json.loads(line).items() if key not in MOMENTS}
            if str(name.parent) == MOMENTARY:
                del kept["sampled_at"]
                found[MOMENTARY, json.dumps(kept)] = 1
            else:
                found[str(name.parent), json.dumps(kept)] += 1
    return found


def _pagerduty() -> Site:
    vendor, chance = Account(page=5, cap=40), random.Random(3)
    old = vendor.create(START - timedelta(days=90))
    vendor.fill(5, chance, days=20)

    def changes() -> None:
        recent = sorted(i for i, one in vendor.incidents.items() if one["created_at"] > "2026-06-1")
        one, other, gone, *_ = recent
        vendor.change(one, "acknowledged")
        # Only the incident that was merged says which one it was merged into.
        vendor.logs_merges = False
        vendor.merge(one, other)
        vendor.change(old, "triggered")
        vendor.delete(gone)
        vendor.create()

    return Site(
        "pagerduty",
        vendor,
        lambda url: PagerDutyConfig.model_validate({"url": url, "since": date(2026, 6, 1)}),
        {"PAGERDUTY_TOKEN": TOKEN},
        changes,
        small={(pages, "PAGE"): 5, (pages, "CAP"): 40},
    )


def _opsgenie() -> Site:
    vendor = OpsgenieVendor(5, 3)

    def changes() -> None:
        for kind, what in (("alerts", "acknowledged"), ("incidents", "resolved")):
            old, gone, *_ = sorted(vendor.alerts if kind == "alerts" else vendor.incidents)
            vendor.change(kind, old, what)
            vendor.delete(kind, gone)
            vendor.create(kind)
        vendor.lists["/v2/teams"] = [{"id": "t1", "name": "risk and fraud"}]

    return Site(
        "opsgenie",
        vendor,
        lambda url: OpsgenieConfig.model_validate({"url": url, "since": date(2026, 5, 1)}),
        {"OPSGENIE_API_KEY": KEY},
        changes,
        small={(api, "PAGE"): 3, (feed, "BATCH"): 2},
    )


def _servicenow() -> Site:
    vendor = Instance(NOW)
    for _ in range(25):
        vendor.open(NOW - timedelta(seconds=vendor.random.randrange(3600, 20 * 86_400)))
    vendor.catalog()

    def changes() -> None:
        for _ in range(14):
            vendor.stir()
        vendor.delete(next(iter(vendor.tables["incident"].values())))
        vendor.put("cmdb_ci_service", name="fx", sys_class_name="cmdb_ci_service")

    values = {"since": date(2026, 6, 1), "page_size": 10, "id_page_size": 20, "window_days": 7}
    return Site(
        "servicenow",
        vendor,
        lambda url: ServiceNowConfig.model_validate({"url": url, **values}),
        {"SERVICENOW_USER": "paydown", "SERVICENOW_PASSWORD": "pa55-9f3c"},
        changes,
    )


def _backstage() -> Site:
    vendor = Catalog(8)

    def changes() -> None:
        del vendor.entities["s0"]
        vendor.entities["s1"]["spec"]["lifecycle"] = "production"
        vendor.register("new")

    return Site(
        "backstage",
        vendor,
        lambda url: BackstageConfig.model_validate({"url": url}),
        {"BACKSTAGE_TOKEN": "tok-backstage"},
        changes,
    )


def _git(folder: Path) -> Site:
    remote = Remote(folder / "remote")
    for name in ("catalog-info.yaml", "pay/catalog-info.yaml", "main.py"):
        remote.put(name, name)
    remote.commit()

    def changes() -> None:
        remote.put("catalog-info.yaml", "changed")
        remote.put("pay/catalog-info.yaml", None)
        remote.put("new/catalog-info.yaml", "new")
        remote.commit()

    repository = {
        "paths": {"backstage": "**/catalog-info.yaml"}, "name": "shop", "token_env": "SHOP_TOKEN",
    }  # fmt: skip
    return Site(
        "git",
        GitServer(remote, "x-access-token", "tok-3f9a77"),
        lambda url: GitConfig.model_validate(
            {"repositories": [{"url": f"{url}/r.git", **repository}]}
        ),
        {**ENVIRONMENT, "SHOP_TOKEN": "tok-3f9a77"},
        changes,
        # A fetch is three requests, and begins with the first of them again.
        twice=(0, 3),
    )


def _decisions(folder: Path) -> Site:
    remote = Repository(folder / "remote")
    vendor = GitHubServer(remote)

    def approve(*amounts: int) -> None:
        for number, amount in enumerate(amounts, start=len(vendor.pulls) + 1):
            entry = {"id": "pay", "cycle": 1, "service": "pay", "decision": "approved"}
            entry |= {"by": "cto", "on": "2026-06-20", "amount_usd": amount}
            remote.put(PATH, json.dumps({"epics": [entry]}))
            remote.commit()
            vendor.commits[remote.git("rev-parse", "main")] = number
            merged = {"merged_at": "2026-06-20T15:00:00Z", "merged_by": {"login": "cto"}}
            vendor.pulls.append({"number": number, "html_url": "https://x.example/1", **merged})

    approve(5, 6)
    return Site(
        "decisions",
        vendor,
        lambda url: config(f"{url}/acme/platform.git", api_url=f"{url}/api"),
        {**ENVIRONMENT, "GH_TOKEN": GITHUB_TOKEN},
        lambda: approve(7),
        # Git's requests are five, and begin with the first of them again.
        twice=(0, *range(6, 200, 2)),
    )


def _prometheus() -> Site:
    step, day, now = 300, 86_400, int(NOW.timestamp())
    vendor = FakePrometheus(now)

    def points(begin: int) -> dict[int, str]:
        return {at: str(at % 7) for at in range(begin, now + 3 * day, step)}

    vendor.held["errors"] = [Series({"service": one}, points(now - 2 * day)) for one in "ab"]
    vendor.held["objectives"] = [Series({"service": "a"}, dict.fromkeys(points(now - day), "0.99"))]

    def changes() -> None:
        vendor.held["errors"].append(Series({"service": "c"}, points(vendor.at - 3600)))

    queries = (
        Query(name="errors", query="errors", kind="error_ratio", window="5m"),
        Query(name="objectives", query="objectives", kind="objective"),
    )
    return Site(
        "prometheus",
        vendor,
        lambda url: PrometheusConfig(
            url=url, queries=queries, since=(NOW - timedelta(days=2)).date(), chunk_hours=12
        ),
        {"PROMETHEUS_TOKEN": "tok-83c1e5"},
        changes,
    )


def _datadog() -> Site:
    vendor = FakeDatadog(int(NOW.timestamp()))
    for one in ("a", "b", "c"):
        vendor.add(one)

    def changes() -> None:
        del vendor.slos[0]
        vendor.add("d", "monitor")

    return Site(
        "datadog",
        vendor,
        lambda url: datadog.DatadogConfig(
            url=url, since=(NOW - timedelta(days=1)).date(), backfill_days=1
        ),
        {"DD_API_KEY": "api-51d0c4", "DD_APP_KEY": "app-9be2f7"},
        changes,
        small={(datadog, "PAGE"): 2},
    )


def _epics(
    source: str,
    vendor: People,
    config: Callable[[str], SourceConfig],
    gap: timedelta,
    small: Mapping[tuple[Any, str], int],
) -> Site:
    vendor.clock -= timedelta(days=5)
    for _ in range(30):
        vendor.clock += timedelta(minutes=vendor.random.randrange(200))
        vendor.stir()
    epic = vendor.epic("checkout")
    moved, deleted = vendor.story(epic), vendor.story(epic, "retry")
    vendor.clock = max(vendor.clock, NOW)

    def changes() -> None:
        vendor.alter(moved, parent=None)
        vendor.alter(epic, state="done")
        vendor.remove(deleted)
        vendor.story(vendor.epic("ledger"), "retry")
        vendor.story(epic)

    return Site(source, vendor, config, TRACKERS, changes, gap, small=small)


def _jira(deployment: str, gap: timedelta) -> Site:
    return _epics(
        "jira",
        vendor_of(deployment, now=NOW, seed=3),
        lambda url: JiraSourceConfig.model_validate({"url": url, "deployment": deployment}),
        gap,
        {(JiraSource, "chunk"): 8},
    )


def _azure_devops(gap: timedelta) -> Site:
    return _epics(
        "azure_devops",
        vendor_of("azure_devops", now=NOW, seed=3),
        lambda url: AzureDevOpsSourceConfig.model_validate(
            {"url": f"{url}/{ORGANIZATION}", "project": "Modernization"}
        ),
        gap,
        {
            (client, "IDS_A_FETCH"): 10,
            (source, "QUERIED"): 15,
            (source.AzureDevOpsSource, "chunk"): 8,
        },
    )


SOON, A_DAY_LATER = timedelta(hours=1), timedelta(hours=30)
AT_WORK: Mapping[str, Callable[[Path], Site]] = {
    "pagerduty": lambda _: _pagerduty(),
    "opsgenie": lambda _: _opsgenie(),
    "servicenow": lambda _: _servicenow(),
    "backstage": lambda _: _backstage(),
    "git": _git,
    "decisions": _decisions,
    "prometheus": lambda _: _prometheus(),
    "datadog": lambda _: _datadog(),
    # A day later all is looked at again; sooner, only what changed.
    "jira": lambda _: _jira("cloud", SOON),
    "jira_swept": lambda _: _jira("cloud", A_DAY_LATER),
    "jira_data_center": lambda _: _jira("data_center", SOON),
    "jira_data_center_swept": lambda _: _jira("data_center", A_DAY_LATER),
    "azure_devops": lambda _: _azure_devops(SOON),
    "azure_devops_swept": lambda _: _azure_devops(A_DAY_LATER),
}
