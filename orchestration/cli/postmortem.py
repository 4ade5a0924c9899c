"""`paydown postmortem`: check postmortems without a run, and bring in those of other templates."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.command import console, read_settings
from orchestration.cli.tables import published_rows, shown_path
from orchestration.settings import Settings, SettingsError, modernization_folder

if TYPE_CHECKING:
    from orchestration.documents.imports import Imported

app = typer.Typer(no_args_is_help=True, help="Check postmortems, and import those you have.")
SUFFIXES = (".md", ".markdown", ".mdx", ".html.md", ".md.erb", "")
NO_POSTMORTEM = ("readme", "template", "contributing", "license", "changelog")
# The incidents of these ids, and those on the days around of a service that it names.
INCIDENTS = """
    select
        incidents.source_name || ':' || incidents.source_incident_id as ref,
        coalesce(incidents.service_name, '?') as service,
        strftime(incidents.triggered_at, '%Y-%m-%d %H:%M') as at,
        list_has_any(
            list_transform($refs, lambda one: split_part(one, ':', -1)),
            [incidents.source_incident_id, incidents.incident_number]
        ) as is_named
    from fct_incidents as incidents
    where is_named
        or (
            incidents.triggered_at >= try_cast($day as date) - interval 1 day
            and incidents.triggered_at < try_cast($day as date) + interval 2 day
            and (
                list_contains($services, lower(incidents.service_name))
                or contains(lower($title), lower(incidents.service_name))
            )
        )
    order by is_named desc, incidents.triggered_at
    limit 5
"""
WAITING = """
    select incident_id as ref, business_days, days_over
    from rpt_unreviewed_incidents
    where list_contains($refs, incident_id)
    order by incident_id
"""


def say(text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)


@app.command("new")
def new(
    incident: Annotated[str, typer.Argument(help="Its number, id, or source:id.")],
    into: Annotated[Path | None, typer.Option(help="Else modernization/postmortems.")] = None,
) -> None:
    """Write a draft of what is known: services, times, severity, burn, responders, earlier repeats.

    Exits with 1 if no incident, or more than one, has that name, or it has a postmortem.
    """
    settings = read_settings()
    from orchestration.decisions.postmortem import new_postmortem

    path = new_postmortem(settings, incident, into or settings.modernization / "postmortems")
    say(f"{shown_path(path)} written", "bold")
    check([path])


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Markdown files.")],
    score: Annotated[
        bool, typer.Option("--score", help="Also show what they would do to the scores.")
    ] = False,
) -> bool:
    """Read postmortems as a run does, within seconds; exits with 1 if one can't be read.

    With --score, which takes a minute, the last run's data is scored again with them.
    """
    from orchestration.documents.imports import WANTED
    from orchestration.documents.postmortem import read_postmortem

    is_clean = True
    for path in files:
        problems = []
        try:
            lines = list(read_postmortem(path))
        except OSError as error:
            problems, lines = [f"{path}: {error.strerror}"], []
        problems += [f"{path}:{line.line}: {line.reason}" for line in lines if line.reason]
        for problem in problems:
            say(problem, "red")
        for record in (json.loads(line.text) for line in lines if not line.reason):
            missing = [key for key in WANTED if not _is_said(record[key])]
            say(f"{path}: can be read; to fill in: {', '.join(missing) or 'nothing'}")
            for due in _due(record["incident"]) if missing else ():
                say(f"  {due}")
            if ignored := record.get("ignored_keys"):
                say(f"  ignored, not keys of paydown's: {', '.join(ignored)}")
        if not lines and not problems:
            say(f"{path}: is not read: a README or TEMPLATE")
        is_clean = is_clean and not problems
    if score and is_clean:
        from orchestration.cli.scores import show_what_if

        show_what_if(read_settings(), postmortems=files)
    return is_clean


def _is_said(value: object) -> bool:
    """Whether people wrote anything; a mapping of empty keys doesn't count."""
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _due(refs: list[str]) -> list[str]:
    """How long the reviews of the incidents that are known here have been outstanding."""
    try:
        rows = published_rows(Settings.from_environment(), WAITING, {"refs": refs})
    except SettingsError:
        return []
    late = "its review is {days_over} business days late"
    return [
        f"{r['ref']}: "
        + (late.format(**r) if r["days_over"] else f"{r['business_days']} business days since it")
        for r in rows
    ]


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="Postmortems of any template.")],
    into: Annotated[Path | None, typer.Option(help="Else modernization/postmortems.")] = None,
    headings: Annotated[Path | None, typer.Option(help="Else modernization/headings.yaml.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only report what would be written.")] = False,
) -> bool:
    """Write each postmortem with the front matter that its headings give, and list what is left to
    do.

    Existing files are not overwritten. Exits with 1 if a file or folder can't be read.
    """
    settings = read_settings()
    from orchestration.documents import DocumentError, load_model
    from orchestration.documents.imports import Headings, read_foreign
    from orchestration.documents.text import read_text

    known = load_model(headings or modernization_folder() / "headings.yaml", Headings)
    target = into or modernization_folder() / "postmortems"
    counts, ignored, missing, unknown = Counter(), Counter(), Counter(), Counter()
    bad: list[str] = []
    walk = os.walk(folder, onerror=lambda error: bad.append(f"{error.filename}: {error.strerror}"))
    for path in sorted(Path(place, name) for place, _, names in walk for name in names):
        relative, ending = path.relative_to(folder), "".join(path.suffixes[-2:]).lower()
        ending = ending if ending in SUFFIXES else path.suffix.lower()
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if is_hidden or ending not in SUFFIXES or path.stem.lower().startswith(NO_POSTMORTEM):
            ignored[str(relative) if ending in SUFFIXES else f"*{ending}"] += 1
            continue
        name = "-".join(relative.parts)[: -len(ending) or None]
        try:
            found = read_foreign(name, read_text(path), known)
        except (DocumentError, OSError) as error:
            bad.append(f"{shown_path(path)}: {error}")
            continue
        unknown.update(set(found.unknown_headings))
        if not set(found.fields) & {"impact", "contributing_factors", "action_items"}:
            ignored[f"{relative} (no heading of headings.yaml)"] += 1
            continue
        new, comments = target / f"{name}.md", _link(settings, found)
        state = "exists already" if new.exists() else "imported"
        counts[state] += 1
        missing.update(found.missing)
        say(f"{shown_path(new)} {state}", "bold")
        for line in (f"to fill in: {', '.join(found.missing)}", *comments, *found.notes):
            say(f"  {line}")
        if not dry_run and state == "imported":
            target.mkdir(parents=True, exist_ok=True)
            new.write_text(found.text(comments), encoding="utf-8")
    tables = {"postmortems": counts, "to fill in": missing, "ignored": ignored}
    for title, what in (tables | {"headings that headings.yaml doesn't know": unknown}).items():
        if what:
            say(f"{title}: {', '.join(f'{key} {count}' for key, count in what.most_common(30))}")
    for problem in bad:
        say(problem, "red")
    return bool(counts) and not bad


def _link(settings: Settings, found: Imported) -> list[str]:
    """The loaded incidents that it may be about, and whether those it names are known."""
    refs = found.fields.get("incident", [])
    services = [name.lower() for name in found.fields.get("services", [])]
    given = {"refs": refs, "day": found.day, "services": services, "title": found.fields["title"]}
    rows = published_rows(settings, INCIDENTS, given)
    if refs:
        is_known = any(row["is_named"] for row in rows) or not settings.published_database.exists()
        return [] if is_known else [f"incident: {', '.join(refs)} is not among the loaded ones"]
    near = [f"incident: perhaps {row['ref']} ({row['service']}, {row['at']})" for row in rows]
    return near or ["incident: names none, and no loaded one fits its services and day"]
