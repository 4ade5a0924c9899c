"""The ServiceNow extractor against an instance on loopback that changes while it is read."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.http import AccessError, SourceError
from orchestration.vendors.servicenow import table
from orchestration.vendors.servicenow.extractor import ServiceNowConfig
from orchestration.vendors.servicenow.table import raw

from .extraction import NOW, Source
from .loopback import Request, landed, serving
from .vendor_servicenow import FIELDS, Instance, Row, text

SECRETS = {"SERVICENOW_USER": "paydown", "SERVICENOW_PASSWORD": "pa55-9f3c"}
SINCE = date(2026, 6, 1)


def settings(url: str | None, **values: Any) -> ServiceNowConfig:
    return ServiceNowConfig.model_validate(
        {"url": url, "since": SINCE, "page_size": 10, "id_page_size": 20, **values}
    )


def sync(
    root: Path, config: ServiceNowConfig, environment: Mapping[str, str] = SECRETS
) -> tuple[int, list[str]]:
    """One sync; how many requests it took and what it said."""
    requests, said, _ = Source("servicenow", environment).sync(root, config)
    return requests, said


def versions(root: Path) -> Iterator[tuple[str, int]]:
    for record in landed(root, "servicenow/incidents"):
        yield raw(record, "sys_id"), int(raw(record, "sys_mod_count"))


def held(root: Path) -> dict[str, Row]:
    """The newest version of every incident that is not deleted, by the rule that
    int_incidents__servicenow has in SQL."""
    newest: dict[str, Row] = {}
    for record in landed(root, "servicenow/incidents"):
        row = {field: raw(record, field) for field in record}
        known = newest.get(row["sys_id"])
        if not known or _version(known) <= _version(row):
            newest[row["sys_id"]] = row
    deleted_at: dict[str, str] = {}
    for record in landed(root, "servicenow/deletions"):
        key = raw(record, "documentkey")
        deleted_at[key] = max(deleted_at.get(key, ""), raw(record, "sys_created_on"))
    ids = {record["sys_id"] for record in landed(root, "servicenow/incident_ids")}
    sweeps = [s for s in landed(root, "servicenow/sweeps") if s["stream"] == "incidents"]
    return {
        key: row for key, row in newest.items() if not _is_deleted(row, deleted_at, ids, sweeps)
    }


def _version(row: Row) -> tuple[str, int]:
    return row["sys_updated_on"], int(row["sys_mod_count"])


def _is_deleted(
    row: Row, deleted_at: Mapping[str, str], ids: set[str], sweeps: list[dict[str, Any]]
) -> bool:
    sweep = next(
        sweep
        for sweep in sweeps
        if (
            sweep["created_since"] is None
            or _plain(sweep["created_since"]) <= row["sys_created_on"]
        )
        and row["sys_created_on"] < _plain(sweep["created_before"])
    )
    swept_at = _plain(sweep["swept_at"])
    is_there = row["sys_id"] in ids
    tombstone = deleted_at.get(row["sys_id"])
    if tombstone and tombstone >= row["sys_updated_on"]:
        return not (is_there and swept_at > tombstone)
    return not is_there and row["sys_updated_on"] < swept_at and not sweep["hidden"]


def _plain(moment: str) -> str:
    return moment.replace("T", " ").removesuffix("Z")


def filled(count: int = 25, seed: int = 0, days: int = 20) -> Instance:
    instance = Instance(NOW, seed)
    for _ in range(count):
        instance.open(NOW - timedelta(seconds=instance.random.randrange(3600, days * 86_400)))
    instance.catalog()
    return instance


def same(root: Path, instance: Instance) -> None:
    expected = {
        key: row
        for key, row in instance.tables["incident"].items()
        if key not in instance.hidden and row["sys_updated_on"] >= text(NOW - timedelta(days=25))
    }
    found = held(root)
    assert found.keys() == expected.keys()
    assert {k: _version(r) for k, r in found.items()} == {
        k: _version(r) for k, r in expected.items()
    }
    assert instance.complaints == []


@pytest.mark.parametrize("seed", range(20))
def test_after_two_syncs_it_holds_what_the_instance_holds(tmp_path: Path, seed: int) -> None:
    instance = filled(seed % 60, seed)
    instance.is_audited = bool(seed % 2)
    hides = bool(seed % 3) and instance.is_audited
    for row in list(instance.tables["incident"].values()):
        if hides and instance.random.random() < 0.5:
            instance.hidden.add(row["sys_id"])

    def happens(_: Request) -> None:
        instance.clock += timedelta(seconds=instance.random.choice([0, 0, 1, 40]))
        for _n in range(instance.random.randrange(4)):
            instance.stir(hides=hides)

    instance.before = happens
    with serving(instance) as url:
        config = settings(url, window_days=7, sweep_hours=0.1)
        sync(tmp_path, config)
        instance.before = lambda _: None
        instance.clock += timedelta(minutes=20)
        sync(tmp_path, config)
    same(tmp_path, instance)


def test_asks_little_more_than_the_pages_of_what_changed(tmp_path: Path) -> None:
    instance = filled(60)
    with serving(instance) as url:
        config = settings(url)
        sync(tmp_path, config)
        instance.clock += timedelta(hours=1)
        requests, _ = sync(tmp_path, config)
        # Count and clock, changes, deletions, and whether services, dependencies, risks changed.
        assert requests == 6
        for changed in (1, 10, 25):
            instance.clock += timedelta(hours=1)
            for row in list(instance.tables["incident"].values())[:changed]:
                instance.change(row)
            instance.clock += timedelta(minutes=10)
            before = len(list(versions(tmp_path)))
            requests, _ = sync(tmp_path, config)
            assert requests == 5 + changed // 10 + 1
            assert len(list(versions(tmp_path))) - before == changed
        instance.clock += timedelta(hours=1)
        instance.put("cmdb_ci_service", name="new", sys_class_name="cmdb_ci_service")
        requests, _ = sync(tmp_path, config)
        assert requests == 7
        assert len(list(landed(tmp_path, "servicenow/services"))) == 3
        instance.clock += timedelta(hours=24)
        requests, _ = sync(tmp_path, config)
        # Once a day the ids of a month and of all before, and the three tables of the catalog.
        assert requests == 6 + 3 + 1 + 60 // 20 + 1


@pytest.mark.parametrize("seed", range(16))
def test_hidden_records_neither_stop_nor_shorten_it(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(table, "LARGEST_PAGE", chance.choice([10, 40, 10_000]))
    instance = Instance(NOW, seed)
    prefix = f"{chance.getrandbits(48):012x}" if seed % 5 == 0 else ""
    custom = seed % 5 == 1
    for number in range(chance.choice([30, 100, 250])):
        sys_id = prefix + instance.new_id()[len(prefix) :]
        instance.open(NOW - timedelta(hours=1), f"Own-{number:04d} ^ id" if custom else sys_id)
    ids = sorted(instance.tables["incident"])
    kind = seed % 4
    if kind == 0:
        instance.hidden = set(ids)
    elif kind == 1:
        instance.hidden = set(ids[: -chance.randrange(1, 12)])
    elif kind == 2:
        instance.hidden = set(ids[chance.randrange(1, 12) :])
    else:
        start = chance.randrange(len(ids))
        instance.hidden = {key for key in ids[start : start + 120] if chance.random() < 0.98}
    with serving(instance) as url:
        requests, said = sync(tmp_path, settings(url))
    assert {key for key, _ in versions(tmp_path)} == set(ids) - instance.hidden
    assert max(Counter(versions(tmp_path)).values(), default=1) == 1
    assert sum(sweep["hidden"] for sweep in landed(tmp_path, "servicenow/sweeps")) == len(
        instance.hidden
    )
    assert f"servicenow incident: access rules hide {len(instance.hidden)} of {len(ids)}" in said
    # Pages and what leads over the hidden ones, for changes and for ids, and what any sync takes.
    assert requests <= 20 + len(ids) // 4
    assert instance.complaints == []


@pytest.mark.parametrize("hours", [2, -5])
def test_moments_understood_in_another_zone_stop_it(tmp_path: Path, hours: int) -> None:
    instance = filled(60)
    instance.zone = timedelta(hours=hours)
    instance.open(datetime(2026, 5, 31, 23, tzinfo=UTC))
    instance.open(datetime(2026, 6, 8, 1, tzinfo=UTC))
    with serving(instance) as url, pytest.raises(SourceError, match="time zone of the user"):
        sync(tmp_path, settings(url, window_days=7))


@pytest.mark.parametrize("days", [-3, 3])
def test_windows_hang_on_the_clock_of_the_instance(tmp_path: Path, days: int) -> None:
    instance = filled(5)
    instance.clock = NOW + timedelta(days=days)
    row = instance.open()
    with serving(instance) as url:
        sync(tmp_path, settings(url))
        assert row["sys_id"] not in dict(versions(tmp_path))
        instance.clock += timedelta(minutes=2)
        sync(tmp_path, settings(url))
    assert row["sys_id"] in dict(versions(tmp_path))


def test_an_earlier_since_fills_in_years_in_windows(tmp_path: Path) -> None:
    instance = filled(10)
    old = [instance.open(NOW - timedelta(days=100 * n)) for n in range(1, 10)]
    with serving(instance) as url:
        sync(tmp_path, settings(url))
        assert len(dict(versions(tmp_path))) == 10
        sync(tmp_path, settings(url, since=date(2023, 6, 1), window_days=90))
        found = Counter(versions(tmp_path))
        assert {row["sys_id"] for row in old} <= dict(found).keys() or len(found) == 19
        assert len(found) == 19
        assert max(found.values()) == 1
        asked = len(instance.requests)
        sync(tmp_path, settings(url, since=date(2023, 6, 1), window_days=90))
        assert len(instance.requests) - asked <= 6


@pytest.mark.parametrize("is_truncated", [False, True])
def test_an_answer_that_is_cut_off_is_asked_for_in_smaller_pages(
    tmp_path: Path, is_truncated: bool
) -> None:
    instance = filled(70)
    instance.largest, instance.is_truncated = 30, is_truncated
    with serving(instance) as url:
        sync(tmp_path, settings(url, page_size=100, id_page_size=50))
        same(tmp_path, instance)
        instance.largest = 5
        with pytest.raises(SourceError, match="page_size and id_page_size in sources"):
            sync(tmp_path / "other", settings(url, page_size=100))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda answer: answer.headers.clear(), "pass that header on"),
        (lambda answer: answer.data.pop("result"), "not an answer of the Table API"),
        (lambda answer: [one.pop("sys_id") for one in answer.data["result"]], "without sys_id"),
    ],
)
def test_answers_that_cannot_be_paged_are_reported(
    tmp_path: Path, damage: Any, message: str
) -> None:
    instance = filled(30)
    whole = instance.answer

    def answer(request: Request) -> Any:
        found = whole(request)
        damage(found)
        return found

    instance.answer = answer
    with serving(instance) as url, pytest.raises(SourceError, match=message):
        sync(tmp_path, settings(url))


def test_tables_that_may_not_be_read_stop_no_other(tmp_path: Path) -> None:
    instance = filled()
    instance.refused = {"sys_audit_delete", "cmdb_rel_ci"}
    with serving(instance) as url:
        with pytest.raises(AccessError, match=r'sys_audit_delete.*set deletions_table to ""'):
            sync(tmp_path, settings(url))
        same(tmp_path, instance)
        assert len(list(landed(tmp_path, "servicenow/services"))) == 2
        assert len(list(landed(tmp_path, "servicenow/risks"))) == 1
        sync(tmp_path, settings(url, deletions_table="", relation_table=""))
        instance.refused = {"incident"}
        with pytest.raises(AccessError, match=r"check SERVICENOW_TOKEN, or SERVICENOW_USER"):
            sync(tmp_path, settings(url))


def test_a_missing_risk_table_is_an_error_only_if_it_was_named(
    tmp_path: Path,
) -> None:
    instance = filled()
    del instance.tables["sn_risk_risk"]
    with serving(instance) as url:
        _, said = sync(tmp_path, settings(url))
        assert "servicenow no table sn_risk_risk on this instance, so no risks" in said
        with pytest.raises(SourceError, match="Invalid table u_risks"):
            sync(tmp_path, settings(url, risk_table="u_risks"))


def test_lands_services_and_what_depends_on_what_and_no_more_than_is_read(tmp_path: Path) -> None:
    instance = filled(1)
    with serving(instance) as url:
        sync(tmp_path, settings(url))
        names = {
            raw(record, "sys_id"): raw(record, "name")
            for record in landed(tmp_path, "servicenow/services")
        }
        assert sorted(names.values()) == ["auth", "pay"]
        (edge,) = landed(tmp_path, "servicenow/dependencies")
        assert (names[raw(edge, "parent")], names[raw(edge, "child")]) == ("pay", "auth")
        (incident,) = landed(tmp_path, "servicenow/incidents")
        assert incident["state"] == {"value": "1", "display_value": "New"}
        assert "caller_id" not in incident
        sync(tmp_path / "all", settings(url, fields=["*"]))
        (incident,) = landed(tmp_path / "all", "servicenow/incidents")
        assert incident["caller_id"]["value"] == "Ada Lovelace"


def test_fields_configured_for_the_contract_are_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = filled(1)
    environment = {**SECRETS, "PAYDOWN_SERVICENOW_SERVICE_FIELD": "u_product"}
    config = settings(None, fields=["u_region"], query="active=true")
    with serving(instance) as url:
        config = config.model_copy(update={"url": url})
        fix = "correct PAYDOWN_SERVICENOW_SERVICE_FIELD, there are: active,"
        with pytest.raises(SourceError, match=f"no readable column u_product; {fix}"):
            sync(tmp_path, config, environment)
        monkeypatch.setitem(FIELDS, "incident", FIELDS["incident"] | {"u_product", "u_region"})
        for row in instance.tables["incident"].values():
            row |= {"u_product": "pay", "u_region": "eu"}
        sync(tmp_path, config, environment)
    asked = [request for request in instance.requests if request.path.endswith("/incident")]
    page = next(request for request in asked if request.one("sysparm_display_value") == "all")
    fields = page.one("sysparm_fields").split(",")
    assert {"u_product", "u_region", "cmdb_ci"} <= set(fields)
    assert len(fields) == len(set(fields))
    assert page.one("sysparm_query").startswith("active=true^sys_updated_on>=2026-06-01 00:00:00^")
    assert page.one("sysparm_exclude_reference_link") == "true"


def test_says_how_many_there_are_at_the_instance(tmp_path: Path) -> None:
    instance = filled(30)
    instance.hidden = set(sorted(instance.tables["incident"])[:7])
    with serving(instance) as url:
        config = settings(url)
        sync(tmp_path, config)
        instance.clock += timedelta(hours=1)
        sync(tmp_path, config)
    rows = [row for row in landed(tmp_path, "paydown/syncs") if row["stream"] == "incidents"]
    assert [row["source_count"] for row in rows] == [30, 23]
    assert [row["records"] for row in rows] == [23, 0]
