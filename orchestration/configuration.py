"""The files that people edit by pull request, checked before anything is computed with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from orchestration.documents import ConfigError, load_model
from orchestration.rubric import Capacity, Maturity, Scoring

MODELS: dict[str, type[BaseModel]] = {
    "scoring.yaml": Scoring,
    "maturity.yaml": Maturity,
    "capacity.yaml": Capacity,
}


@dataclass(frozen=True)
class CheckedFile:
    """A configuration file; `problem` is empty where it is valid, else one problem a line."""

    path: Path
    problem: str
    model: BaseModel | None


def check_configuration(folder: Path) -> Iterator[CheckedFile]:
    """Read every configuration file of the folder; a missing one is a problem too."""
    for name, model in MODELS.items():
        path = folder / name
        try:
            yield CheckedFile(path, "", load_model(path, model))
        except ConfigError as error:
            yield CheckedFile(path, str(error), None)
        except OSError as error:
            yield CheckedFile(path, f"{path}: {error.strerror}; add the file", None)
