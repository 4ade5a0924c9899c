"""Copies bundle/ to where Superset imports it from, with the address of the published database."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copytree, rmtree

BUNDLE = Path(__file__).with_name("bundle")
PLACE = "/PUBLISHED"


def prepare(database: Path, target: Path) -> None:
    """Write the bundle into the folder `target` from scratch; `database` is an absolute path."""
    rmtree(target, ignore_errors=True)
    copytree(BUNDLE, target)
    for path in (target / "databases").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(PLACE, str(database)), encoding="utf-8")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
