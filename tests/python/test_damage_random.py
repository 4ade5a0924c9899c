"""Files damaged at random: each is loaded or told, no record is lost, nothing raises."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from .flow_helpers import ROOT
from .loader_helpers import contracts, project_streams

COUNT, SEED = 150, 7


@pytest.mark.timeout(600)
def test_damaged_files_are_loaded_or_reported(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("damage", ROOT / "benchmarks" / "damage.py")
    assert spec
    assert spec.loader
    damage = importlib.util.module_from_spec(spec)
    sys.modules["damage"] = damage
    spec.loader.exec_module(damage)
    became = damage.check_batch(tmp_path, range(COUNT), SEED, contracts(*project_streams()))
    assert sum(became.values()) == COUNT
    assert min(became[what] for what in ("loaded whole", "quarantined", "rejected")) > 0
