"""Files below the landing folder that no stream reads, by folder, with what was probably meant."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from orchestration.loader.contract import Contract
from orchestration.loader.files import fits, is_file
from orchestration.loader.kinds import looks_like
from orchestration.loader.report import Problem
from orchestration.loader.text import HEAD_BYTES, UnreadableFileError, open_plain

ROOT = "landing:"
SHOWN_KINDS = 4
HIDDEN = re.compile(r"\.|(README|LICENSE)(\.|$)", re.IGNORECASE)
# Names of values or of columns, anywhere in the beginning of a file.
NAMES = re.compile(r'"(\w+)"\s*:|(?:^|[,;\t|])"?(\w+)"?(?=[,;\t|\r\n])')
PROSE = {".docx", ".doc", ".pdf", ".txt", ".rtf", ".odt", ".markdown", ".mdx", ".erb", ".html"}


def unread_files(contracts: Sequence[Contract], landing: Path) -> list[Problem]:
    """One problem per folder with such files, most first; hidden files and READMEs are exempt."""
    patterns = [
        pattern.removeprefix(ROOT).split("/")
        for contract in contracts
        for pattern in contract.files
        if pattern.startswith(ROOT)
    ]
    read = sorted({"/".join(_plain(pattern)) for pattern in patterns})
    found: dict[str, list[Path]] = {}
    for at, folders, names in os.walk(landing):
        folders[:] = [name for name in folders if not name.startswith(".")]
        parts = Path(at).relative_to(landing).parts
        # Links to folders are followed by patterns without **, which reach no further.
        deep = [name for name in folders if Path(at, name).is_symlink()]
        deep = [n for n in deep if not any(p[: len(parts) + 1] == [*parts, n] for p in patterns)]
        for name in [*names, *deep]:
            path, is_hidden = Path(at, name), re.match(HIDDEN, name)
            is_read = any(fits((*parts, name), pattern) for pattern in patterns)
            if not is_hidden and not (is_read and is_file(path)):
                inside = [one for one in read if Path(*parts).is_relative_to(one)]
                found.setdefault(inside[-1] if inside else "/".join(parts), []).append(path)
    return [
        Problem(folder or ".", None, None, None, _described(folder, sorted(paths), read, patterns))
        for folder, paths in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _plain(pattern: Sequence[str]) -> list[str]:
    """The folders that a pattern names."""
    return [part for part in pattern[:-1] if "*" not in part]


def _described(
    folder: str, paths: Sequence[Path], read: Sequence[str], patterns: Sequence[Sequence[str]]
) -> str:
    kinds = Counter(path.suffix.lower() or path.name for path in paths)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(SHOWN_KINDS))
    files = "file" if len(paths) == 1 else "files"
    what = f"{len(paths)} {files} that no stream reads ({listed}), such as {paths[0].name}; "
    if folder in read:
        own = [pattern for pattern in patterns if "/".join(_plain(pattern)) == folder]
        endings = ", ".join(sorted({pattern[-1] for pattern in own}))
        if links := [path.name for path in paths if path.is_symlink()]:
            return f"{what}{links[0]} links to no file or to a folder, put the files there"
        if folder == "postmortems" and PROSE.intersection(kinds):
            return f"{what}`paydown postmortem import` converts other formats to .md"
        if not any("**" in pattern for pattern in own):
            return f"{what}put them into {folder} itself, its subfolders are not read"
        return f"{what}in {folder} only {endings} is read"
    if meant := get_close_matches(folder.lower(), read, 1, 0.8):
        return f"{what}move them to {meant[0]} if that was meant"
    if hint := looks_like(_names(paths[0])):
        return what + hint.removesuffix("; else ")
    near = [one for one in read if folder.lower().startswith(one.split("/")[0])]
    meant = near or sorted({one.split("/")[0] for one in read})
    return f"{what}move them to one of {', '.join(meant)}, or elsewhere"


def _names(path: Path) -> set[str]:
    head = b""
    with suppress(OSError, UnreadableFileError), open_plain(path) as stream:
        head = stream.read(HEAD_BYTES)
    found = NAMES.findall(head.decode(errors="replace"))
    return {one or other for one, other in found}
