"""The playbooks of `modernization/playbooks/`, by what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestration.documents.playbook import GIVEN, Playbook, load_playbook
from orchestration.epics.content.playbook_blocks import playbook_blocks
from orchestration.settings import modernization_folder

FOLDER = "playbooks"


@dataclass(frozen=True)
class Playbooks:
    """All playbooks by name; of several for one fix class, all are shown in this order."""

    all: tuple[Playbook, ...] = ()

    def of(self, fix_class: str, change_window: str) -> tuple[Playbook, ...]:
        """Those for a fix class, first how to fix it, then how to roll it out in the window."""
        fitting = [p for p in self.all if fix_class in p.header.fix_classes]
        fixes = [p for p in fitting if not p.header.change_windows]
        rollouts = [p for p in fitting if change_window in p.header.change_windows]
        return (*fixes, *rollouts)


def playbook_paths(modernization: Path) -> list[Path]:
    """The playbooks of the folder `modernization`, which may have none."""
    return sorted(p for p in (modernization / FOLDER).glob("*.md") if p.name != "README.md")


def read_playbook(path: Path) -> Playbook:
    """A playbook that can be rendered.

    Raises:
        ConfigError: with file, line and fix of every problem.
        OSError: the file can't be read.
    """
    playbook = load_playbook(path)
    playbook_blocks(playbook, {name: name for name in GIVEN})
    return playbook


def read_playbooks(modernization: Path | None = None) -> Playbooks:
    """The playbooks of a folder `modernization`, by default of the configured one.

    Files that haven't changed since are not read again.

    Raises:
        ConfigError: a playbook is wrong.
        SettingsError: the configured folder isn't there.
    """
    return Playbooks(tuple(map(_read, playbook_paths(modernization or modernization_folder()))))


_seen: dict[Path, tuple[int, int, Playbook]] = {}


def _read(path: Path) -> Playbook:
    stat = path.stat()
    seen = _seen.get(path)
    if seen is None or seen[:2] != (stat.st_mtime_ns, stat.st_size):
        seen = _seen[path] = (stat.st_mtime_ns, stat.st_size, read_playbook(path))
    return seen[2]
