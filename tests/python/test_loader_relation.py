"""Tables that other tools fill, in their shapes as documented; views stand in for raw tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from orchestration.loader import ContractError, contracts_from_manifest, load_landing
from orchestration.loader.report import LoadReport
from orchestration.warehouse import FileWarehouse, ServerWarehouse, Warehouse

from .loader_helpers import ID, Json, column, project_streams, stream
from .postgres_helpers import on_postgres

# As Airbyte's destinations write it: nested objects are JSON, moments carry a zone.
AIRBYTE_PAGERDUTY = """
    create table airbyte.incidents (
        _airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, id varchar,
        incident_number bigint, title varchar, status varchar, urgency varchar, service json,
        priority json, created_at timestamptz, updated_at varchar, resolved_at timestamptz
    );
    insert into airbyte.incidents values
    ('r1', '2026-06-02 00:00:00+00', 'P1', 7, 'It''s down', 'resolved', 'high',
        '{"id": "S1", "summary": "payments-api"}', '{"summary": "P1"}',
        '2026-06-01 12:00:00+02', '2026-06-01T11:00:00Z', '2026-06-01 11:00:00+00'),
    ('r2', '2026-06-02 00:00:00+00', 'P2', 8, 'Slow', 'erledigt', 'low', '{"id": "S1"}', null,
        '2026-06-01 13:00:00+00', '2026-06-01T13:00:00+00:00', null),
    ('r3', '2026-06-02 00:00:00+00', 'P3', null, '', 'triggered', 'low', '{"id": null}', null,
        '2026-06-01 14:00:00+00', null, null)
"""
# As Fivetran's connectors write them: flat, references by value, deleted rows marked.
FIVETRAN_SERVICENOW = """
    create table fivetran.incident (
        sys_id varchar, number varchar, state varchar, active boolean, priority varchar,
        short_description varchar, cmdb_ci_value varchar, opened_at timestamp,
        resolved_at timestamp, sys_updated_on timestamp, sys_mod_count bigint,
        _fivetran_deleted boolean, _fivetran_synced timestamptz
    );
    insert into fivetran.incident values
    ('a1', 'INC1', '6', false, '1', 'Broken', 'ci-9', '2026-06-01 08:00:00',
        '2026-06-01 09:00:00', '2026-06-01 09:00:00', 4, false, '2026-06-02 00:00:00+00'),
    ('a2', 'INC2', '2', true, '2', 'Gone', null, '2026-06-01 08:00:00', null,
        '2026-06-01 09:00:00', 1, true, '2026-06-02 00:00:00+00')
"""
FIVETRAN_JIRA = """
    create table fivetran.issue (
        id bigint, key varchar, summary varchar, status varchar, issue_type varchar,
        created timestamptz, resolved timestamptz, updated timestamptz,
        _fivetran_deleted boolean, _fivetran_synced timestamptz
    );
    insert into fivetran.issue values
    (10001, 'OPS-1', 'Login fails', '10002', '10010', '2026-06-01 08:00:00+00', null,
        '2026-06-01 10:00:00+00', false, '2026-06-02 00:00:00+00')
"""
JIRA = stream(
    "outages",
    {
        "id": column(**ID),
        "key": column(**ID),
        "title": column(path="summary"),
        "started_at": column("timestamp", path="created", required=True),
        "ended_at": column("timestamp", path=["resolved", "resolutiondate"]),
    },
    relation="fivetran.issue",
    loaded_at="_fivetran_synced",
    where="not _fivetran_deleted",
)
del JIRA["config"]["meta"]["files"]
Relate = Callable[..., tuple[LoadReport, Warehouse]]


def of_the_project(source: str, name: str, **meta: str) -> Json:
    """A source of the project that reads a relation instead of files."""
    (node,) = [n for n in project_streams() if (n["source_name"], n["name"]) == (source, name)]
    kept = {key: value for key, value in node["config"]["meta"].items() if key != "files"}
    return {**node, "config": {"meta": kept | meta}}


@pytest.fixture(params=["duckdb", "postgres"])
def relate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Relate]:
    """`relate(tables, node)`: make the tables, then load."""
    environment, warehouse = {}, FileWarehouse(tmp_path / "warehouse.duckdb", tmp_path / "dlt")
    if request.param == "postgres":
        environment = on_postgres(request.getfixturevalue("postgres"))
        warehouse = ServerWarehouse("postgres", tmp_path / "dlt")

    def related(tables: str, node: Json) -> tuple[LoadReport, Warehouse]:
        with warehouse.opened() as session:
            schemas = [f"create schema if not exists {name}" for name in ("airbyte", "fivetran")]
            for sql in (*schemas, *tables.split(";\n")):
                session.execute(sql)
        contracts = contracts_from_manifest({"sources": {"one": node}})
        return load_landing(contracts, {"landing": tmp_path}, warehouse, {}), warehouse

    with patch.dict(os.environ, environment):
        yield related


def test_airbytes_pagerduty(relate: Relate) -> None:
    meta = {"relation": "airbyte.incidents", "loaded_at": "_airbyte_extracted_at"}
    report, warehouse = relate(AIRBYTE_PAGERDUTY, of_the_project("pagerduty", "incidents", **meta))
    rows = warehouse.ask(
        "select id, incident_number, title, service_id, service_name, priority, created_at, "
        "updated_at, resolved_at, _load_id, _loaded_at, _payload "
        "from raw.pagerduty__incidents order by id"
    )
    first = rows[0]
    at = datetime(2026, 6, 1, 10)
    assert [row["id"] for row in rows] == ["P1", "P3"]
    assert (first["title"], first["incident_number"]) == ("It's down", 7)
    assert (first["service_id"], first["service_name"]) == ("S1", "payments-api")
    assert first["priority"] == "P1"
    assert (first["created_at"], first["updated_at"]) == (at, at.replace(hour=11))
    assert (first["_load_id"], first["_loaded_at"]) == ("airbyte.incidents", datetime(2026, 6, 2))
    assert (rows[1]["title"], rows[1]["service_id"], rows[1]["_payload"]) == (None, None, None)
    (left_out,) = report.rejected
    assert str(left_out).startswith("airbyte.incidents: 1 records are left out: status is none of")
    assert (report.relations, report.unaccounted) == (1, [])


def test_fivetrans_servicenow(relate: Relate) -> None:
    meta = {"relation": "fivetran.incident", "loaded_at": "_fivetran_synced"}
    node = of_the_project("servicenow", "incidents", **meta, where="not _fivetran_deleted")
    # PAYDOWN_SERVICENOW_SERVICE_FIELD=cmdb_ci_value
    node["columns"]["service_id"]["config"]["meta"]["path"] = ["cmdb_ci_value"]
    report, warehouse = relate(FIVETRAN_SERVICENOW, node)
    rows = warehouse.ask(
        "select number, state_value, is_active, service_id, sys_mod_count, opened_at "
        "from raw.servicenow__incidents"
    )
    assert rows == [
        {"number": "INC1", "state_value": "6", "is_active": False, "service_id": "ci-9",
         "sys_mod_count": 4, "opened_at": datetime(2026, 6, 1, 8)},
    ]  # fmt: skip
    assert report.rejected == []


def test_fivetrans_jira_as_a_source_of_its_own_and_again(relate: Relate) -> None:
    _, warehouse = relate(FIVETRAN_JIRA, JIRA)
    rows = warehouse.ask("select id, key, title, started_at, ended_at from raw.demo__outages")
    assert rows == [
        {"id": "10001", "key": "OPS-1", "title": "Login fails",
         "started_at": datetime(2026, 6, 1, 8), "ended_at": None},
    ]  # fmt: skip
    # A column more, in between: the view follows.
    columns = {"id": JIRA["columns"]["id"], "status": {"name": "status"}} | JIRA["columns"]
    relate("select 1", {**JIRA, "columns": columns})
    assert warehouse.ask("select status from raw.demo__outages") == [{"status": "10002"}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"relation": "fivetran.issues"}, "relation fivetran.issues is not in the warehouse"),
        ({"loaded_at": "synced"}, "loaded_at 'synced' is no column of fivetran.issue"),
        ({"relation": "issue"}, "relation 'issue' is not schema.table"),
        ({"files": "landing:*"}, "files is for files, but it names a relation"),
        ({"mode": "snapshot"}, "can't be a snapshot"),
        ({"where": "no_such_column"}, "correct the contract"),
    ],
)
def test_a_relation_that_can_not_be_read(relate: Relate, change: Json, words: str) -> None:
    node = {**JIRA, "config": {"meta": {**JIRA["config"]["meta"], **change}}}
    with pytest.raises(ContractError, match=words):
        relate(FIVETRAN_JIRA, node)


def test_a_required_column_that_is_not_there_names_what_is(relate: Relate) -> None:
    columns = {**JIRA["columns"], "team": {"name": "team"} | column(**ID)}
    with pytest.raises(ContractError, match=r"has no team .it has: id, key, summary"):
        relate(FIVETRAN_JIRA, {**JIRA, "columns": columns})
