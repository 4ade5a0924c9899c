"""The playbooks of `modernization/playbooks/`, by what they are for, filled in for a service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from orchestration.documents.playbook import BLANK, Playbook, load_playbook
from orchestration.documents.problems import ConfigError, Problem
from orchestration.settings import modernization_folder
from orchestration.trackers.text import escape_markdown, one_line, web_address

FOLDER = "playbooks"
_READER = MarkdownIt("commonmark", {"html": False})
_ALLOWED = "use headings, paragraphs, bullets, `- [ ]` checks and code between ```"
_INLINE = {"inline", "text", "text_special", "softbreak", "code_inline", "strong", "link"}
_CODE = re.compile(r"(`+[^`]*`+)")


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
    """A playbook that every tracker can show.

    Raises:
        ConfigError: with file, line and fix of every problem.
        OSError: the file can't be read.
    """
    playbook = load_playbook(path)
    tree = SyntaxTreeNode(_READER.parse(playbook.text))
    if problems := list(_problems(tree.children, playbook.first_line)):
        raise ConfigError(path, problems)
    return playbook


def read_playbooks(modernization: Path | None = None) -> Playbooks:
    """The playbooks of a folder `modernization`, by default of the configured one.

    Raises:
        ConfigError: a playbook is wrong.
        SettingsError: the configured folder doesn't exist.
    """
    folder = modernization or modernization_folder()
    return Playbooks(tuple(map(read_playbook, playbook_paths(folder))))


def filled(playbook: Playbook, values: Mapping[str, str]) -> str:
    """The playbook as Markdown, with `values` in its blanks; what they leave out has its default.

    A value is only ever text. Headings become strong lines, to stand below a title.
    """
    given = {**playbook.header.parameters, **values}
    lines = playbook.text.split("\n")
    for token in reversed(_READER.parse(playbook.text)):
        if token.map and token.type in ("heading_open", "fence", "paragraph_open"):
            start, end = token.map
            fill = _fill_code if token.type == "fence" else _fill_prose
            block = [fill(line, given) for line in lines[start:end]]
            if token.type == "heading_open":
                block = [f"**{block[0].strip('# ')}**"]
            lines[start:end] = block
    return "\n".join(lines).strip()


def _fill_prose(line: str, values: Mapping[str, str]) -> str:
    """A line of Markdown; what is in backticks is code."""
    parts = _CODE.split(line)
    parts[::2] = [_fill(part, values, escape_markdown) for part in parts[::2]]
    parts[1::2] = [_fill(part, values, _without_backticks) for part in parts[1::2]]
    return "".join(parts)


def _fill_code(line: str, values: Mapping[str, str]) -> str:
    return _fill(line, values, one_line)


def _without_backticks(value: str) -> str:
    return one_line(value).replace("`", "'")


def _fill(text: str, values: Mapping[str, str], as_text: Callable[[str], str]) -> str:
    return BLANK.sub(lambda blank: as_text(values[blank[1]]), text)


def _problems(nodes: Sequence[SyntaxTreeNode], first_line: int) -> Iterator[Problem]:
    """What not every tracker can show."""
    for node in nodes:
        line = first_line + (node.map[0] if node.map else 0)
        match node.type:
            case "fence":
                pass
            case "heading" | "paragraph":
                yield from _inline_problems(node.children, line)
            case "bullet_list":
                yield from _list_problems(node, line, first_line)
            case other:
                yield _unshowable(line, other)


def _list_problems(node: SyntaxTreeNode, line: int, first_line: int) -> Iterator[Problem]:
    boxes = set()
    for item in node.children:
        if [child.type for child in item.children] != ["paragraph"]:
            at = first_line + item.map[0] if item.map else line
            yield _unshowable(at, "a bullet with more than one paragraph")
            continue
        yield from _problems(item.children, first_line)
        boxes.add(item.children[0].children[0].content.startswith("[ ] "))
    if len(boxes) > 1:
        yield _unshowable(line, "a list with checks and plain bullets")


def _inline_problems(nodes: Sequence[SyntaxTreeNode], line: int) -> Iterator[Problem]:
    for node in nodes:
        if node.type not in _INLINE:
            yield _unshowable(line, node.type)
        elif node.type == "link" and web_address(str(node.attrs["href"])) is None:
            yield _unshowable(line, "a link that is no web address")
        yield from _inline_problems(node.children, line)


def _unshowable(line: int, what: str) -> Problem:
    what = f"{what.replace('_', ' ')} can't be shown in every tracker"
    return Problem(line, "text", "", what, _ALLOWED)
