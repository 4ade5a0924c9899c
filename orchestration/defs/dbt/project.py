"""The dbt project as Dagster's graph sees it.

Only `dagster dev` parses it by itself, where a file is newer than the manifest. Everywhere else
the manifest must be there: `make manifest` writes it.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dagster_dbt import DbtProject

from orchestration.dbt_project import GRAPH_FOLDER
from orchestration.settings import PROJECT_ROOT


@cache
def dbt_project() -> DbtProject:
    """The project; under `dagster dev`, and only there, its manifest is written first."""
    if not shutil.which("dbt"):
        # `.venv/bin/dagster dev`, with .venv not activated.
        beside_python = str(Path(sys.executable).parent)
        os.environ["PATH"] = os.pathsep.join((beside_python, os.environ.get("PATH", "")))
    profiles = PROJECT_ROOT / "profiles"
    project = DbtProject(PROJECT_ROOT, target_path=GRAPH_FOLDER, profiles_dir=profiles)
    project.prepare_if_dev()
    return project


def static_manifest() -> Mapping[str, Any]:
    """The manifest as it stands.

    Raises:
        FileNotFoundError: it was never written; the message says how.
    """
    path = dbt_project().manifest_path
    if not path.exists():
        raise FileNotFoundError(f"{path}: is missing; `make manifest` writes it")
    return json.loads(path.read_text(encoding="utf-8"))
