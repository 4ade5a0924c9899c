"""The JSON Schemas that editors check `modernization/` with, generated from the models.

`python -m orchestration.documents.schemas` writes them after a change to a model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from orchestration.documents.postmortem_model import Postmortem
from orchestration.rubric import Calendar, Capacity, Maturity, Scoring, SharedFixes, Targets
from orchestration.trackers.config import TrackerConfig
from orchestration.vendors.sources import Sources

FOLDER = Path(__file__).resolve().parents[2] / "modernization" / "schemas"
MODELS: dict[str, type[BaseModel]] = {
    "postmortem": Postmortem,
    "scoring": Scoring,
    "maturity": Maturity,
    "capacity": Capacity,
    "calendar": Calendar,
    "targets": Targets,
    "shared_fixes": SharedFixes,
    "sources": Sources,
    "tracker": TrackerConfig,
}


def schemas() -> dict[str, str]:
    """File name -> text of every published schema."""
    return {
        f"{name}.schema.json": json.dumps(_schema(model), indent=2, ensure_ascii=False) + "\n"
        for name, model in MODELS.items()
    }


def write(folder: Path = FOLDER) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode="validation"),
    }


if __name__ == "__main__":
    write()
