"""Epics read back from trackers on loopback that change while they are read."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orchestration.http import AccessError, SourceError
from orchestration.landing import open_landing
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig
from orchestration.vendors.base import Context, SourceConfig
from orchestration.vendors.jira import JiraSourceConfig

from .flow_helpers import ROOT
from .loopback import IMPATIENT, Request, killed_at, landed, serving
from .vendor_azure_devops_query import DevOps
from .vendor_epic_board import BOARD, Board, Thing
from .vendor_jira_search import JiraSite

NOW = datetime(2026, 6, 26, 16, tzinfo=UTC)
SECRETS = {
    "JIRA_USER": "paydown@example.com", "JIRA_TOKEN": "j1ra-9f3c", "AZURE_DEVOPS_TOKEN": "ad0-77e1",
}  # fmt: skip
KINDS = ("cloud", "data_center", "azure_devops")
DAY = timedelta(days=1, minutes=5)


def board(kind: str, seed: int = 0) -> Board:
    if kind == "azure_devops":
        return DevOps(NOW, seed)
    return JiraSite(NOW, seed, is_cloud=kind == "cloud")


def settings(kind: str, url: str) -> SourceConfig:
    if kind == "azure_devops":
        values = {"url": url, "project": "Team Reliability"}
        return AzureDevOpsSourceConfig.model_validate(values)
    return JiraSourceConfig.model_validate({"url": url, "deployment": kind})


def sync(
    root: Path,
    config: SourceConfig,
    at: datetime,
    environment: Mapping[str, str] = SECRETS,
) -> tuple[int, list[str]]:
    """One sync as `run.py` does it; how many requests it took and what it said."""
    said: list[str] = []
    context = Context(environment=environment, patience=IMPATIENT, progress=said.append)
    name = "jira" if isinstance(config, JiraSourceConfig) else "azure_devops"
    with open_landing(root, root / "state", name, at) as landing:
        extractor = config.extractor(context)
        status, message = "complete", ""
        try:
            extractor.sync(landing)
        except SourceError as error:
            status, message = "stopped", str(error)
            raise
        finally:
            landing.journal(status, message, extractor.requests, at)
    return extractor.requests, said


def records(root: Path) -> list[dict[str, Any]]:
    return [
        *landed(root, "jira/issues"),
        *landed(root, "azure_devops/work_items"),
    ]


def version(record: Mapping[str, Any]) -> datetime:
    fields = record["fields"]
    return datetime.fromisoformat(fields.get("updated") or fields["System.ChangedDate"])


def held(root: Path) -> dict[int, datetime]:
    """The newest version of every item that is not gone, by the rule that the models have."""
    newest: dict[int, datetime] = {}
    for record in records(root):
        one = int(record["id"])
        newest[one] = max(newest.get(one, version(record)), version(record))
    for name in ("jira", "azure_devops"):
        for sweep in landed(root, f"{name}/sweeps"):
            there = {int(item["id"]) for item in sweep["items"]}
            swept_at = datetime.fromisoformat(sweep["swept_at"])
            newest = {one: at for one, at in newest.items() if one in there or at >= swept_at}
    return newest


def expected(vendor: Board, root: Path) -> dict[int, datetime]:
    """All that is there and ever came into sight, as it is now."""
    seen = {int(record["id"]) for record in records(root)}
    return {
        one: _to_milliseconds(thing.updated)
        for one, thing in vendor.there().items()
        if one in seen or _is_ours(vendor, thing)
    }


def _is_ours(vendor: Board, thing: Thing) -> bool:
    epics = {
        one
        for one, other in vendor.there().items()
        if any(label.startswith("paydown-") for label in other.labels) and other.is_epic
    }
    return BOARD in thing.labels or thing.parent in epics


def _to_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def later(vendor: Board, by: timedelta) -> datetime:
    vendor.clock += by
    return vendor.clock


def filled(kind: str, seed: int = 0, count: int = 25) -> Board:
    vendor = board(kind, seed)
    vendor.clock -= timedelta(days=5)
    for _ in range(count):
        later(vendor, timedelta(minutes=vendor.random.randrange(200)))
        vendor.stir()
    vendor.clock = max(vendor.clock, NOW) + timedelta(minutes=5)
    return vendor


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_it_holds_what_the_tracker_holds(tmp_path: Path, kind: str, seed: int) -> None:
    """People work while it reads; after the sweep of a quiet moment nothing is amiss."""
    vendor = filled(kind, seed, count=seed * 4)

    def happens(_: Request) -> None:
        vendor.clock += timedelta(seconds=vendor.random.choice([0, 0, 1, 40]))
        for _n in range(vendor.random.choice([0, 0, 1, 2])):
            vendor.stir()

    with serving(vendor) as url:
        config = settings(kind, url)
        for hours in (0, 1, 1, 30, 1):
            vendor.before = happens
            sync(tmp_path, config, later(vendor, timedelta(hours=hours)))
        vendor.before = lambda _: None
        sync(tmp_path, config, later(vendor, DAY))
    assert held(tmp_path) == expected(vendor, tmp_path)
    assert vendor.complaints == []


@pytest.mark.parametrize("kind", KINDS)
def test_changes_come_without_a_sweep_though_the_search_lags(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    epic = vendor.epic("checkout")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        # Not yet in the index when the next sync asks.
        done = vendor.change(epic, state="done")
        theirs = vendor.story(done)
        later(vendor, timedelta(seconds=20))
        sync(tmp_path, config, vendor.clock)
        assert theirs.id not in held(tmp_path)
        sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    assert held(tmp_path) == expected(vendor, tmp_path)
    assert set(held(tmp_path)) == {epic.id, theirs.id}


@pytest.mark.parametrize("kind", KINDS)
def test_moved_hidden_and_deleted_are_told_apart(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    epic = vendor.epic("checkout")
    moved, deleted = vendor.story(epic), vendor.story(epic, "retry")
    secret = vendor.epic("ledger", project="SEC")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        vendor.change(moved, parent=None)
        vendor.delete(deleted)
        vendor.hidden.add("SEC")
        _, said = sync(tmp_path, config, later(vendor, DAY))
    (sweep,) = [*landed(tmp_path, "jira/sweeps"), *landed(tmp_path, "azure_devops/sweeps")]
    assert sweep["items"] == [
        {"id": str(epic.id), "is_hidden": False},
        {"id": str(moved.id), "is_hidden": False},
        {"id": str(secret.id), "is_hidden": True},
    ]
    assert deleted.id not in held(tmp_path)
    last = [record for record in records(tmp_path) if int(record["id"]) == moved.id][-1]
    fields = last["fields"]
    parents = [fields.get("parent"), fields.get("System.Parent"), last["named"].get("epic_link")]
    assert parents == [None, None, None]
    assert any("1 items are hidden from us" in line for line in said)


@pytest.mark.parametrize("kind", KINDS)
def test_an_epic_deleted_between_sweeps_stops_nothing(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    gone, stays = vendor.epic("checkout"), vendor.epic("ledger")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        vendor.delete(gone)
        story = vendor.story(stays)
        sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    assert story.id in held(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, kind: str) -> None:
    """30 kills of each kind, at any event that Python audits."""
    vendor = filled(kind, seed=5, count=30)
    chance, kills, rounds = random.Random(kind), 0, 0
    with serving(vendor) as url:
        config = settings(kind, url)
        while kills < 30:
            root = tmp_path / str(rounds)
            rounds += 1
            while killed_at(
                chance.randrange(160), lambda root=root: sync(root, config, vendor.clock)
            ):
                kills += 1
            assert held(root) == expected(vendor, root)
            ids = [(record["id"], version(record)) for record in records(root)]
            assert len(ids) == len(set(ids))
            vendor.stir()
            later(vendor, timedelta(minutes=5))


@pytest.mark.parametrize(("kind", "most"), [("cloud", 3), ("data_center", 3), ("azure_devops", 3)])
def test_a_quiet_hour_costs_three_requests_and_lands_nothing(
    tmp_path: Path, kind: str, most: int
) -> None:
    vendor = board(kind)
    for number in range(40):
        vendor.story(vendor.epic(f"svc-{number}"), "retry")
    later(vendor, timedelta(hours=1))
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        landed_before = len(records(tmp_path))
        requests, _ = sync(tmp_path, config, later(vendor, timedelta(hours=1)))
    # Fields; what has the label; what is below (a chunk of epics).
    assert requests == most
    assert len(records(tmp_path)) == landed_before == 80


@pytest.mark.parametrize("kind", KINDS)
def test_figures_stand_under_what_they_mean(tmp_path: Path, kind: str) -> None:
    vendor = board(kind)
    vendor.epic("checkout")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        sync(tmp_path, settings(kind, url), vendor.clock)
    (record,) = records(tmp_path)
    assert record["named"]["slo_burn"] == 14.4
    # A field without a value, or that there isn't, is empty.
    assert record["named"]["story_points"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_secrets_come_from_the_environment(tmp_path: Path, kind: str) -> None:
    config = settings(kind, "http://127.0.0.1:9")
    with pytest.raises(AccessError, match=r"is not set; put .* there"):
        sync(tmp_path, config, NOW, environment={})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (JiraSourceConfig(), "jira: url is not set"),
        (AzureDevOpsSourceConfig(), "azure_devops: url and project are not set"),
    ],
)
def test_without_an_address_it_says_what_to_write(config: SourceConfig, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        config.extractor(Context(environment=SECRETS))


@pytest.mark.parametrize("kind", KINDS)
def test_check_asks_once(kind: str) -> None:
    vendor = board(kind)
    vendor.epic("checkout")
    later(vendor, timedelta(minutes=10))
    with serving(vendor) as url:
        context = Context(environment=SECRETS, patience=IMPATIENT)
        said = settings(kind, url).extractor(context).check()
    assert "incident-modernization" in said
    assert len(vendor.requests) == 1


def test_a_search_that_goes_round_in_circles_stops(tmp_path: Path) -> None:
    class Circling(JiraSite):
        def answer(self, request: Request) -> Any:
            answer = super().answer(request)
            if request.path.endswith("/search/jql"):
                answer.data |= {"nextPageToken": "7", "isLast": False}
            return answer

    vendor = Circling(NOW)
    with serving(vendor) as url, pytest.raises(SourceError, match="round in circles"):
        sync(tmp_path, settings("cloud", url), NOW)


@pytest.mark.parametrize("value", ['a"b', "a b"])
def test_a_label_must_be_one_word(value: str) -> None:
    with pytest.raises(ValueError, match="holds a space or a quote"):
        JiraSourceConfig(board_label=value)


def test_a_tag_holds_nothing_that_a_query_reads() -> None:
    with pytest.raises(ValueError, match="holds a character that no tag may"):
        AzureDevOpsSourceConfig(board_tag="x' OR [System.Id] > 0 OR 'x' = 'x")


SPECS = ROOT.parent / "shared" / "specs"


@pytest.mark.skipif(not (SPECS / "jira-v3.json").exists(), reason="no descriptions beside us")
@pytest.mark.parametrize("kind", KINDS)
def test_requests_are_as_the_vendors_describe_them(tmp_path: Path, kind: str) -> None:
    """Paths, parameters and bodies of two syncs, with a sweep that misses an item."""
    vendor = filled(kind, seed=1, count=20)
    with serving(vendor) as url:
        config = settings(kind, url)
        sync(tmp_path, config, vendor.clock)
        epics = vendor.searched(lambda thing: thing.is_epic and BOARD in thing.labels)
        vendor.delete(epics[0])
        vendor.change(vendor.story(vendor.epic("last")), parent=None)
        sync(tmp_path, config, later(vendor, DAY))
    if kind == "azure_devops":
        checked = _check_azure_devops(vendor.requests)
        assert checked >= {"fields", "workitemtypes", "wiql", "workitemsbatch", "recyclebin"}
    else:
        version = "3" if kind == "cloud" else "2"
        description = json.loads((SPECS / f"jira-v{version}.json").read_text())
        for request in vendor.requests:
            _check_jira(description, request)


def _check_jira(description: dict[str, Any], request: Request) -> None:
    path = re.sub(r"/issue/\d+$", "/issue/{issueIdOrKey}", request.path)
    path = re.sub(r"/project/\w+$", "/project/{projectIdOrKey}", path)
    operation = description["paths"][path][request.method.lower()]
    allowed = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert {name for name, _ in request.query} <= allowed, path
    if request.method == "POST":
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        _valid({**schema, "components": description["components"]}, request.body)


def _check_azure_devops(requests: list[Request]) -> set[str]:
    description = json.loads((SPECS / "azure-devops-wit-7.1.json").read_text())
    described = description["paths"]
    checked = set()
    for request in requests:
        name = request.path.rsplit("/", 1)[-1]
        team = "{team}/" if name == "wiql" else ""
        path = f"/{{organization}}/{{project}}/{team}_apis/wit/{name}"
        operation = described[path][request.method.lower()]
        parameters = [one for one in operation["parameters"] if "$ref" not in one]
        allowed = {one["name"] for one in parameters if one["in"] == "query"} | {"api-version"}
        assert {key for key, _ in request.query} <= allowed, path
        for parameter in parameters:
            if parameter["in"] == "body":
                schema = {**parameter["schema"], "definitions": description["definitions"]}
                _valid(schema, request.body)
                shape = description["definitions"][parameter["schema"]["$ref"].rsplit("/", 1)[-1]]
                assert request.body.keys() <= shape["properties"].keys()
        checked.add(name)
    return checked


def _valid(schema: dict[str, Any], body: Any) -> None:
    jsonschema.Draft202012Validator(schema).validate(body)
