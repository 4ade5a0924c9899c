"""The playbooks of `modernization/playbooks/`, by purpose, filled in for a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from orchestration.documents.playbook import BLANK, Playbook, load_playbook
from orchestration.documents.problems import ConfigError, Problem
from orchestration.settings import modernization_folder
from orchestration.trackers.text import escape_markdown, one_line, web_address

FOLDER = "playbooks"
_READER = MarkdownIt("commonmark", {"html": False})
_CODE = re.compile(r"(`+[^`]*`+)")


@dataclass(frozen=True)
class Playbooks:
    """All playbooks by name; of several for one fix class, all are shown in this order."""

    all: tuple[Playbook, ...] = ()

    def of(self, fix_class: str, change_window: str) -> tuple[Playbook, ...]:
        """The playbooks for a fix class: how to fix it, then how to roll it out in the window."""
        fitting = [p for p in self.all if fix_class in p.header.fix_classes]
        fixes = [p for p in fitting if not p.header.change_windows]
        rollouts = [p for p in fitting if change_window in p.header.change_windows]
        return (*fixes, *rollouts)


def playbook_paths(modernization: Path) -> list[Path]:
    """The playbooks of the folder `modernization`; there may be none."""
    return sorted(p for p in (modernization / FOLDER).glob("*.md") if p.name != "README.md")


def read_playbook(path: Path) -> Playbook:
    """A playbook that every tracker can show; ConfigError with line and fix of every problem."""
    playbook = load_playbook(path)
    if problems := list(_problems(playbook)):
        raise ConfigError(path, problems)
    return playbook


def read_playbooks(modernization: Path | None = None) -> Playbooks:
    """The playbooks of a folder `modernization`, by default of the configured one.

    ConfigError if one is wrong, SettingsError if the configured folder doesn't exist.
    """
    folder = modernization or modernization_folder()
    return Playbooks(tuple(map(read_playbook, playbook_paths(folder))))


def filled(playbook: Playbook, values: Mapping[str, str]) -> str:
    """The playbook as Markdown, with `values` in its blanks; missing ones have their defaults.

    A value is always text. Headings become strong lines, to fit below a title.
    """
    given = {**playbook.header.parameters, **values}
    lines = playbook.text.split("\n")
    for token in reversed(_READER.parse(playbook.text)):
        if token.map and token.type in ("heading_open", "fence", "paragraph_open"):
            start, end = token.map
            is_code = token.type == "fence"
            block = [_filled(line, given, is_code=is_code) for line in lines[start:end]]
            if token.type == "heading_open":
                block = [f"**{block[0].strip('# ')}**"]
            lines[start:end] = block
    return "\n".join(lines).strip()


def _filled(line: str, values: Mapping[str, str], *, is_code: bool) -> str:
    """A line with its blanks filled; in prose, backticks mark code."""

    def fill(text: str, as_text: Callable[[str], str]) -> str:
        return BLANK.sub(lambda blank: as_text(values[blank[1]]), text)

    if is_code:
        return fill(line, one_line)
    parts = _CODE.split(line)
    parts[::2] = [fill(part, escape_markdown) for part in parts[::2]]
    parts[1::2] = [fill(part, lambda v: one_line(v).replace("`", "'")) for part in parts[1::2]]
    return "".join(parts)


def _problems(playbook: Playbook) -> Iterator[Problem]:
    """Images and links that not every tracker can show."""
    for token in _READER.parse(playbook.text):
        line = playbook.first_line + (token.map[0] if token.map else 0)
        for child in token.children or ():
            what = "an image" if child.type == "image" else ""
            if child.type == "link_open" and not web_address(str(child.attrs["href"])):
                what = "a link that is not a web address"
            if what:
                fix = "link to a web address, or write the text without it"
                shown = f"{what} can't be shown in every tracker"
                yield Problem(line, "text", "", shown, fix)
