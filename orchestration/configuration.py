"""The files that people edit by pull request, checked before anything is computed with them.

`python -m orchestration.configuration` writes the JSON Schemas that editors check them with, after
a change to a model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from orchestration import documents
from orchestration.documents import ConfigError, load_model, model_reader
from orchestration.documents.imports import Headings
from orchestration.documents.postmortem import Postmortem
from orchestration.documents.prioritized import PrioritizedFile
from orchestration.documents.strict import Strict
from orchestration.epics.playbooks import playbook_paths, read_playbook
from orchestration.rubric import (
    Calendar,
    Capacity,
    Maturity,
    ReviewDecisions,
    Scoring,
    SharedFixes,
    Targets,
)
from orchestration.settings import PROJECT_ROOT
from orchestration.vendors.sources import Sources
from orchestration.vendors.trackers import TrackerConfig

# Name of a file of `modernization/`, and of its reader in a contract -> its model.
MODELS: dict[str, type[Strict]] = {
    "scoring": Scoring,
    "maturity": Maturity,
    "capacity": Capacity,
    "calendar": Calendar,
    "targets": Targets,
    "shared_fixes": SharedFixes,
    "decisions": ReviewDecisions,
    "headings": Headings,
    "sources": Sources,
    "tracker": TrackerConfig,
    "prioritized": PrioritizedFile,
}
# In every other file each value has a default, so a folder works without it.
NEEDED = ("scoring", "maturity", "capacity", "calendar")
READERS = documents.READERS | {name: model_reader(model) for name, model in MODELS.items()}
SCHEMAS = PROJECT_ROOT / "modernization" / "schemas"


class CheckedFile(NamedTuple):
    """A configuration file; `problem` is empty if it is valid, else one problem per line."""

    path: Path
    problem: str
    model: BaseModel | None = None


def check_configuration(folder: Path) -> Iterator[CheckedFile]:
    """Read every configuration file of the folder; a needed one that is missing is a problem."""
    readers: dict[Path, Callable[[Path], BaseModel]] = {
        folder / f"{name}.yaml": partial(load_model, model=model) for name, model in MODELS.items()
    }
    readers |= dict.fromkeys(playbook_paths(folder), lambda path: read_playbook(path).header)
    for path, read in readers.items():
        try:
            yield CheckedFile(path, "", read(path))
        except ConfigError as error:
            yield CheckedFile(path, str(error))
        except OSError as error:
            if path.exists() or path.stem in NEEDED or path.stem not in MODELS:
                yield CheckedFile(path, f"{path}: {error.strerror}; add the file")


def schemas() -> dict[str, str]:
    """File name -> text of every published schema."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    found = {
        name: draft | model.model_json_schema(mode="validation")
        for name, model in {"postmortem": Postmortem, **MODELS}.items()
    }
    return {
        f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in found.items()
    }


def write_schemas(folder: Path = SCHEMAS) -> None:
    """Write every schema into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
