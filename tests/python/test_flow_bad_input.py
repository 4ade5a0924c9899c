"""What a run does with input that is wrong: nothing is lost, and the exit status tells."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

from .flow_helpers import ROOT, Site


def incident(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"Q{number}", "incident_number": number, "title": "down", "status": "resolved",
        "service": {"id": "PX", "summary": "shop"}, "created_at": "2026-06-01T00:00:00Z",
        "resolved_at": "2026-06-01T01:00:00Z", "updated_at": "2026-06-01T02:00:00Z",
    } | changes  # fmt: skip


def test_a_broken_file_fails_the_run_and_loses_nothing_else(site: Site) -> None:
    landing = Path(site.variables["PAYDOWN_LANDING"])
    folder = landing / "pagerduty" / "incidents"
    folder.mkdir(parents=True)
    (folder / "good.json").write_text(json.dumps({"incidents": [incident(1), incident(2)]}))
    packed = gzip.compress(json.dumps([incident(n) for n in range(100)]).encode())
    (folder / "cut.json.gz").write_bytes(packed[: len(packed) // 2])
    catalog = landing / "backstage"
    catalog.mkdir()
    (catalog / "bomb.yaml").write_text(_yaml_bomb())
    (catalog / "climb.yaml").write_text(_component("../../etc/passwd"))
    (catalog / "shop.yaml").write_text(_component("shop"))

    run = site.command("run", PAYDOWN_AS_OF="2026-06-26T00:00:00Z")

    assert run.returncode == 1, run.stdout + run.stderr
    assert "pagerduty/incidents/cut.json.gz" in run.stdout
    assert "export it again" in run.stdout
    assert site.query("select incident_id, service_id from fct_incidents order by 1") == [
        ("pagerduty:Q1", "component:default/shop"),
        ("pagerduty:Q2", "component:default/shop"),
    ]
    quarantined = dict(
        site.raw("select file, reason from raw.quarantine where stream = 'entities'")
    )
    assert set(quarantined) == {"backstage/bomb.yaml", "backstage/climb.yaml"}
    assert not list((site.home / "epics").glob("**/*passwd*"))


def test_an_invalid_rubric_stops_before_anything_is_computed(site: Site, tmp_path: Path) -> None:
    modernization = tmp_path / "modernization"
    shutil.copytree(ROOT / "modernization", modernization)
    scoring = modernization / "scoring.yaml"
    scoring.write_text(scoring.read_text().replace("slo_burn: 5", "slo_burnt: 5"))

    run = site.command("run", PAYDOWN_MODERNIZATION=str(modernization))

    assert run.returncode == 1, run.stdout + run.stderr
    line = 1 + scoring.read_text().splitlines().index("  slo_burnt: 5")
    assert f"scoring.yaml:{line}" in run.stdout
    assert "slo_burn" in run.stdout
    assert not site.published.exists()


def _component(name: str) -> str:
    return (
        "apiVersion: backstage.io/v1alpha1\nkind: Component\n"
        f"metadata:\n  name: {name}\nspec: {{type: service, lifecycle: production, owner: a}}\n"
    )


def _yaml_bomb() -> str:
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    return first + "\n".join(
        f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)
    )
