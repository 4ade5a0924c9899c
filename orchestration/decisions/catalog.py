"""`paydown sync-catalog`: facts of services, systems and teams from the marts, for a portal.

As annotations of catalog files, by pull request or in a folder, and as JSON for any portal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from orchestration.decisions.catalog_files import NOTHING, Row, annotated, diff, wanted_annotations
from orchestration.decisions.sync import Content, Proposal, propose
from orchestration.documents import DocumentError
from orchestration.http import SourceError
from orchestration.publish.analyst_copy import published
from orchestration.replacing import replace_file
from orchestration.settings import Settings
from orchestration.vendors.base import Context
from orchestration.vendors.decisions.settings import DecisionsSettings, host_of
from orchestration.vendors.git.settings import Repository
from orchestration.vendors.sources import Sources
from orchestration.warehouse import rows_of

BRANCH, TITLE = "chore/update-catalog-facts", "chore: modernization facts in the catalog"
BODY = (
    "Score, band, maturity and open epics of each service, as annotations for the portal. All else "
    "in these files is left unchanged."
)
# Of Tech Insights' facts: column of the mart -> its type there, and what it says.
FACTS = {
    "score": ("integer", "Debt score by the rubric; higher is worse"),
    "score_rank": ("integer", "Place by score, 1 first"),
    "band": ("string", "Band of the score"),
    "maturity_level": ("string", "Level by evidence, or none"),
    "incident_count": ("integer", "Incidents in the rubric's window"),
    "open_epic_count": ("integer", "Open modernization epics"),
    "overdue_epic_count": ("integer", "Of these, those past their due date"),
    "promoted_service_count": ("integer", "Services in the promotion band"),
}
_OURS = re.compile(r"(component|system|group)/[\w%.-]+/[\w%.-]+\.json")
# How the landing folder writes a name that begins with a dot.
_HIDDEN = re.compile(r"(?:(?<=/)|^)%([0-9A-F]{2})")


def catalog_facts(settings: Settings) -> list[dict[str, Any]]:
    """`rpt_catalog_facts` as published, by reference.

    Raises:
        NotPublishedError: nothing was published yet.
    """
    with published(settings) as con:
        return rows_of(con, "select * from rpt_catalog_facts order by entity_ref")


def sync_catalog(
    sources: Sources, rows: Sequence[Row], context: Context, *, dry_run: bool = False
) -> Iterator[tuple[str, Proposal | None, list[str]]]:
    """Propose the facts to each repository that catalog files are read from.

    Yields its label, what was done (None if nothing could be), and what is wrong.
    """
    for repository in sources.git.repositories:
        wanted = _by_path(repository, rows)
        if not repository.url or not wanted:
            continue
        problems: dict[str, str] = {}
        content = Content(sorted(wanted), TITLE, BODY, partial(_made, wanted, problems), diff)
        proposal = None
        try:
            config = _target(sources.decisions, repository, context)
            proposal = propose(config, content, context, dry_run=dry_run)
        except SourceError as error:
            problems[""] = str(error)
        yield repository.label, proposal, [*problems.values()]


def edit_files(
    folder: Path, rows: Sequence[Row], *, dry_run: bool = False
) -> tuple[list[str], list[str]]:
    """Write the facts into the catalog files below a folder; one line per change and per problem.

    Raises:
        OSError: a file can't be read or written.
    """
    wanted, problems, changes = _services(rows), {}, []
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            problems[str(path)] = f"{path}: is left unchanged: it is not UTF-8; save it as text"
            continue
        # Anything else is not a catalog file, and not a problem.
        if not all(word in text for word in ("backstage.io/", "kind:", "metadata:")):
            continue
        new = _made({str(path): wanted}, problems, str(path), text)
        changes += [f"{path}: {line}" for line in diff(text, new)]
        if new != text and not dry_run:
            path.write_text(new, encoding="utf-8", newline="")
    return changes, [*problems.values()]


def write_portal(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Write the facts as files for portals; the names of those that changed.

    `tech-insights.json` has facts and their schema, `annotations.yaml` the annotations by reference
    for a catalog in one place, `KIND/NAMESPACE/NAME.json` one file per service, system and team;
    `index.json` names all. Files of what no longer exists are removed.
    """
    wanted = {ref: {key: v for key, v in wanted_annotations(row).items() if v is not None}
              for ref, row in _services(rows).items()}  # fmt: skip
    files = {
        "tech-insights.json": _json(_tech_insights(rows)),
        "annotations.yaml": yaml.safe_dump(wanted, sort_keys=False, width=200),
    }
    for row in rows:
        parts = [quote(part, safe="") for part in re.split("[:/]", row["entity_ref"])]
        epics = row["open_epic_keys"]
        shown = {**row, "open_epic_keys": epics.split(", ") if epics else []}
        del shown["catalog_files"]
        files[f"{'/'.join(parts)}.json"] = _json(shown)
    index = folder / "index.json"
    old = json.loads(index.read_text(encoding="utf-8")) if index.exists() else []
    changed = sorted({one for one in old if _OURS.fullmatch(one)} - files.keys())
    for name in changed:
        (folder / name).unlink(missing_ok=True)
    files["index.json"] = _json(sorted(files))
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            replace_file(path, text)
            changed.append(name)
    return changed


def _made(
    wanted: Mapping[str, Mapping[str, Row]], problems: dict[str, str], path: str, text: str
) -> str:
    """The file with its facts; unchanged if they can't be written, which affects no other file."""
    try:
        return annotated(text, wanted[path])
    except DocumentError as error:
        problems[path] = f"{path}: is left unchanged: {error}"
        return text


def _services(rows: Sequence[Row]) -> dict[str, Row]:
    return {row["entity_ref"]: row for row in rows if row["entity_kind"] == "component"}


def _by_path(repository: Repository, rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """The rows of each catalog file of a repository, by path and reference."""
    found: dict[str, dict[str, Row]] = {}
    for ref, row in _services(rows).items():
        for file in (row["catalog_files"] or "").split("\n"):
            for folder in repository.folders.values():
                if file.startswith(f"{folder}/"):
                    path = _HIDDEN.sub(
                        lambda match: chr(int(match[1], 16)), file.removeprefix(f"{folder}/")
                    )
                    found.setdefault(path, {})[ref] = row
    return found


def _target(
    decisions: DecisionsSettings, repository: Repository, context: Context
) -> DecisionsSettings:
    """How a repository gets pull requests: as decisions do, with their token on their server
    only."""
    server = context.environment.get("GITHUB_SERVER_URL", "https://github.com")
    is_same = host_of(repository.url or "") == host_of(decisions.url or server)
    return decisions.model_copy(
        update={
            "url": repository.url,
            "branch": BRANCH,
            "base_branch": None if repository.ref == "HEAD" else repository.ref,
            "token_env": decisions.token_env if is_same else repository.token_env or "",
            "api_url": decisions.api_url if is_same else None,
        }
    )


def _tech_insights(rows: Sequence[Row]) -> dict[str, Any]:
    """What a fact retriever of Backstage returns, and the schema of its facts."""
    facts = []
    for row in rows:
        kind, namespace, name = re.split("[:/]", row["entity_ref"], maxsplit=2)
        known = {**row, "maturity_level": row["maturity_level"] or NOTHING}
        facts.append(
            {
                "entity": {"kind": kind, "namespace": namespace, "name": name},
                "facts": {key: known[key] for key in FACTS if known[key] is not None},
            }
        )
    schema = {key: {"type": kind, "description": what} for key, (kind, what) in FACTS.items()}
    return {"id": "paydown", "version": "1.0.0", "schema": schema, "facts": facts}


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"
