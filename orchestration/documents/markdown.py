"""The labelled bullets of a Markdown file, with their lines.

Only what the postmortem template needs: one heading, the bullets below it, bullets below those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestration.documents.problems import DocumentError, Problem

# Of one bullet; it is longer in `Bullet.text`, so that a reader can refuse it.
MAX_CHARACTERS = 4_000
MAX_BULLETS = 200
# Blanks before a bullet that belongs to the one above it.
NESTED_FROM = 2
# The label of the heading, which is read like a bullet.
HEADING = "Postmortem"

_TITLE = re.compile(r"#\s*post-?\s?mortem\s*(?::|-|–|—)?\s*(.*)", re.I)  # noqa: RUF001
_NEXT_HEADING = re.compile(r"#{1,6}\s")
_BULLET = re.compile(r"(\s*)[-*+•]\s+(.*)")
_LABEL = re.compile(r"\**([A-Za-z][A-Za-z /_-]{0,39}?)\s*\**\s*:(?!//)\**\s*(.*)", re.S)


@dataclass
class Bullet:
    """A labelled bullet; `parts` are its text and that of the bullets below it, each with line."""

    label: str
    line: int
    parts: list[tuple[int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "; ".join(text for _, text in self.parts if text)


def bullets(text: str) -> list[Bullet]:
    """The heading as a bullet labelled Postmortem, then every labelled bullet below it.

    Raises:
        DocumentError: no `# Postmortem:` heading, or more than `MAX_BULLETS` bullets.
    """
    lines = iter(enumerate(_without_asides(text).split("\n"), start=1))
    found: list[Bullet] = []
    for number, line in lines:
        if title := _TITLE.fullmatch(line.strip()):
            found.append(Bullet(HEADING, number, [(number, title.group(1))]))
            break
    else:
        first = next((line for line in text.split("\n") if line.strip()), "")
        what = "is neither of the two postmortem templates"
        fix = "begin it with `# Postmortem: <incident-id>`, or with front matter between ---"
        raise DocumentError(Problem(1, "document", first, what, fix))
    current: Bullet | None = None
    for number, line in lines:
        if _NEXT_HEADING.match(line):
            break
        item = _BULLET.fullmatch(line)
        is_nested = item is not None and len(item.group(1)) >= NESTED_FROM
        if item and not is_nested:
            label = _LABEL.fullmatch(item.group(2).strip())
            current = Bullet(label.group(1).strip(), number) if label else None
            if current and label:
                current.parts.append((number, label.group(2).strip()))
                found.append(current)
            if len(found) > MAX_BULLETS:
                what = f"more than {MAX_BULLETS} labelled bullets"
                fix = "put a heading, such as `## Timeline`, below the fields"
                raise DocumentError(Problem(number, "document", line, what, fix))
        elif item and current:
            current.parts.append((number, item.group(2).strip()))
        elif current and line[:1].isspace() and line.strip():
            start, words = current.parts[-1]
            if len(words) <= MAX_CHARACTERS:
                current.parts[-1] = (start, f"{words} {line.strip()}".strip())
    return found


def _without_asides(text: str) -> str:
    """The text with comments and fenced code blanked out, line for line."""
    kept, position = [], 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept += [text[position:start], "\n" * text.count("\n", start, end)]
        position = end + 3
    kept.append(text[position:])
    lines, is_code = [], False
    for line in "".join(kept).split("\n"):
        is_fence = line.lstrip().startswith(("```", "~~~"))
        lines.append("" if is_code or is_fence else line)
        is_code = is_code != is_fence
    return "\n".join(lines)
