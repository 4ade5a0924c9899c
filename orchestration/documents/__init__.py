"""Documents that people write (Markdown, YAML), read into records that know their lines."""

from __future__ import annotations

from orchestration.documents.models import load_model
from orchestration.documents.postmortem import read_postmortem
from orchestration.documents.problems import ConfigError, DocumentError, Line
from orchestration.documents.readers import Reader, model_reader, read_front_matter, read_yaml

# Name in a source's contract (`meta.reader`) -> reader. Those of configuration files are in
# `orchestration.configuration`.
READERS: dict[str, Reader] = {
    "yaml": read_yaml,
    "front_matter": read_front_matter,
    "postmortem": read_postmortem,
}

__all__ = ["READERS", "ConfigError", "DocumentError", "Line", "load_model", "model_reader"]
