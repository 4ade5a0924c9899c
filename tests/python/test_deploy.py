"""What `deploy/` says: Dagster's instance on PostgreSQL, and settings that paydown knows."""

from __future__ import annotations

import os
import re
from pathlib import Path
from unittest.mock import patch

import yaml
from sqlalchemy import make_url

from orchestration.settings import TARGETS

from .flow_helpers import ROOT

DEPLOY = ROOT / "deploy"


def test_the_instance_keeps_runs_in_postgresql(postgres: str, tmp_path: Path) -> None:
    """Two processes with the same settings share one queue."""
    import dagster as dg
    from dagster_shared.yaml_utils import load_yaml_from_path

    address = make_url(postgres)
    known = {
        "DAGSTER_POSTGRES_HOST": str(address.query["host"]),
        "DAGSTER_POSTGRES_USER": "postgres",
        "DAGSTER_POSTGRES_PASSWORD": "any",
        "DAGSTER_POSTGRES_DATABASE": str(address.database),
    }
    assert load_yaml_from_path(str(DEPLOY / "dagster.yaml"))
    # A socket's folder can't stand where the host stands in the address that Dagster makes.
    text = (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")
    socket = f"      params: {{host: {known['DAGSTER_POSTGRES_HOST']}}}\n"
    stated = text.replace("      port: 5432\n", f"      port: 5432\n{socket}")
    (tmp_path / "dagster.yaml").write_text(stated, encoding="utf-8")

    @dg.job
    def nothing() -> None:
        pass

    with (
        patch.dict(os.environ, known | {"DAGSTER_POSTGRES_HOST": ""}),
        dg.DagsterInstance.from_config(str(tmp_path)) as one,
        dg.DagsterInstance.from_config(str(tmp_path)) as other,
    ):
        run = one.create_run_for_job(nothing)
        assert other.get_run_by_id(run.run_id) is not None
        assert type(one.run_coordinator).__name__ == "QueuedRunCoordinator"
        assert one.global_op_concurrency_default_limit == 1


def test_settings_are_known_and_hold_no_secret() -> None:
    compose = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text(encoding="utf-8"))
    stated = compose["services"]["code"]["environment"]
    assert stated["PAYDOWN_TARGET"] in TARGETS
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("orchestration", "profiles", "deploy")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".py", ".yml", ".yaml") and path.name != "docker-compose.yml"
    )
    assert [name for name in stated if name not in text] == [
        name for name in stated if name.endswith("_TOKEN") and name not in text
    ]
    for name, value in stated.items():
        if re.search("PASSWORD|TOKEN", name):
            assert value.startswith("${"), name
    assert yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
