"""The files that people edit by pull request, checked before anything is computed with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from orchestration.documents import ConfigError, load_model
from orchestration.epics.playbooks import playbook_paths, read_playbook
from orchestration.rubric import Calendar, Capacity, Maturity, Scoring, SharedFixes, Targets
from orchestration.trackers.config import TrackerConfig
from orchestration.vendors.sources import Sources

MODELS: dict[str, type[BaseModel]] = {
    "scoring.yaml": Scoring,
    "maturity.yaml": Maturity,
    "capacity.yaml": Capacity,
    "calendar.yaml": Calendar,
    "targets.yaml": Targets,
    "shared_fixes.yaml": SharedFixes,
    "sources.yaml": Sources,
    "tracker.yaml": TrackerConfig,
}
# Each value has a default; a folder of before there were these files goes on working.
OPTIONAL = ("targets.yaml", "shared_fixes.yaml", "sources.yaml", "tracker.yaml")


@dataclass(frozen=True)
class CheckedFile:
    """A configuration file; `problem` is empty where it is valid, else one problem a line."""

    path: Path
    problem: str
    model: BaseModel | None


def check_configuration(folder: Path) -> Iterator[CheckedFile]:
    """Read every configuration file of the folder; a needed one that is missing is a problem."""
    for name, model in MODELS.items():
        path = folder / name
        if name in OPTIONAL and not path.exists():
            continue
        try:
            yield CheckedFile(path, "", load_model(path, model))
        except ConfigError as error:
            yield CheckedFile(path, str(error), None)
        except OSError as error:
            yield CheckedFile(path, f"{path}: {error.strerror}; add the file", None)
    for path in playbook_paths(folder):
        try:
            yield CheckedFile(path, "", read_playbook(path).header)
        except (ConfigError, OSError) as error:
            yield CheckedFile(path, str(error), None)
