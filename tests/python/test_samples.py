"""The sample exports are generated deterministically; the demo's tests prove their cases."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

from ..samples.reading import LANDING

GENERATE = LANDING.with_name("generate.py")


def generate(*arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the generator as a person would, with another order of hashes."""
    command = [sys.executable, str(GENERATE), *arguments]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_generator_is_deterministic_and_check_names_what_differs(tmp_path: Path) -> None:
    committed = generate("--check", seed="3")
    assert committed.returncode == 0, committed.stdout
    for seed in ("1", "2"):
        assert generate("--out", str(tmp_path / seed), seed=seed).returncode == 0
    assert tree(tmp_path / "1") == tree(tmp_path / "2")
    assert sum(map(len, tree(LANDING).values())) < 3_000_000
    changed = tmp_path / "1"
    (changed / "backstage/org/catalog-info.yaml").write_text("changed")
    (changed / "opsgenie/alerts/2026-q2.json.gz").write_bytes(gzip.compress(b"{}"))
    (changed / "stray.txt").write_text("stray")
    found = generate("--check", "--out", str(changed))
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        "not generated: stray.txt",
        "differs: backstage/org/catalog-info.yaml",
        "differs: opsgenie/alerts/2026-q2.json.gz",
    ]


def test_the_article_template_is_there_to_the_letter() -> None:
    bullets = [
        "- Services: payments-api, gateway",
        "- SLOs: latency P99 breached (3h), error rate 5xx 2.3%",
        "- Impact: 18% sessions, est $420k revenue",
        "- Contributing factors: missing circuit breaker; AI-generated retry code w/o backoff",
        "- Fix class: Istio config + refactor retry client + Terraform module update",
        "- Owner/DRI: @team-payments EM",
        "- Decision: Promote epic MOD-123; target Silver maturity",
    ]
    texts = [path.read_text("utf-8") for path in (LANDING / "postmortems").glob("*.md")]
    assert [text.splitlines()[1:8] for text in texts].count(bullets) == 1
