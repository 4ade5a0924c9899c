"""`paydown init`: turns an empty folder and an export into everything that a run needs.

On a terminal, and without --export, it asks for what the files of modernization/ should say first.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer
import yaml

from orchestration import steps
from orchestration.cli.command import ENVIRONMENT_FILE, console
from orchestration.cli.questions import asked, write_down
from orchestration.cli.tables import say
from orchestration.settings import PROJECT_ROOT, Settings, SettingsError
from orchestration.warehouse import warehouse_of

WORKFLOW = ".github/workflows/modernization-sync.yml"
# Words that only one tool's exports hold, in any layout.
MARKS = {
    "servicenow": ("sys_updated", "sys_created", "sys_id", "incident_state", "assignment_group"),
    "pagerduty": ("pagerduty", "last_status_change", "incident_number", "escalation_policy"),
    "opsgenie": ("opsgenie", "tinyid", "impactstartdate"),
}
# Columns of ServiceNow that may name the service, most specific first.
FIELDS = ("cmdb_ci", "business_service", "service_offering", "u_service", "assignment_group")
OPENED = ("opened_at", "created_at")
SNIFFED_BYTES = 200_000
MAX_SERVICES = 1000
OLD = timedelta(days=14)
IGNORED = shutil.ignore_patterns("2*.md", "INC*.md", "prioritized.yaml", "decisions.yaml")


def show_init(
    folder: Path, exports: Sequence[Path], source: str, service_field: str, owner: str
) -> bool:
    """Set the folder up; False, with nothing written, if the exports can't be read.

    Raises:
        SettingsError: something exists already, or an answer is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("modernization", "landing", ENVIRONMENT_FILE, ".paydown"):
        if (folder / name).exists():
            raise SettingsError(f"{folder / name}: exists already; nothing was written")
    given: dict[str, Any] = {}
    if not exports:
        exports = [Path(_answer("Export of incidents (CSV, JSON, packed or not)", "--export"))]
        given = asked(owner)
        owner = given["owner"]
    with tempfile.TemporaryDirectory(prefix=".paydown-init-", dir=folder) as work:
        new = Path(work)
        variables = _lay_out(new, exports, source, service_field, owner)
        write_down(new / "modernization", given)
        (new / ENVIRONMENT_FILE).write_text(_environment_file(variables), encoding="utf-8")
        with console.status("reading the exports"):
            services, newest, problems = _loaded(new, variables)
        for problem in problems:
            say(problem, "red")
        if not services:
            say("no service was found in the exports; nothing was written", "bold red")
            return False
        if newest and datetime.now(UTC) - newest > OLD:
            ends = (newest + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            variables["PAYDOWN_AS_OF"] = f"{ends:%Y-%m-%dT%H:%M:%SZ}"
            (new / ENVIRONMENT_FILE).write_text(_environment_file(variables), encoding="utf-8")
        catalog = new / "landing" / "backstage" / "starter" / "catalog-info.yaml"
        catalog.parent.mkdir(parents=True)
        catalog.write_text(_catalog(services, owner), encoding="utf-8")
        for path in sorted(new.iterdir()):
            if path.name == ".github" and (folder / path.name).exists():
                if not (folder / WORKFLOW).exists():
                    (folder / WORKFLOW).parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(path / "workflows" / Path(WORKFLOW).name, folder / WORKFLOW)
            elif path.name != ".gitignore" or not (folder / path.name).exists():
                shutil.move(path, folder / path.name)
    _show(folder, services, variables, owner)
    if given.get("sources"):
        tokens = "its token" if "," not in given["sources"] else "their tokens"
        say(f"live: PAYDOWN_SOURCES={given['sources']} in {ENVIRONMENT_FILE}, {tokens} in the "
            "environment (docs/guides/live-sources.md)")  # fmt: skip
    return True


def _lay_out(
    new: Path, exports: Sequence[Path], source: str, service_field: str, owner: str
) -> dict[str, str]:
    """Write what doesn't depend on the exports; returns the folder's variables."""
    shutil.copytree(PROJECT_ROOT / "modernization", new / "modernization", ignore=IGNORED)
    capacity = new / "modernization" / "capacity.yaml"
    text = capacity.read_text(encoding="utf-8").partition("\nteams:")[0]
    teams = f"teams:\n  {owner}: {{}}\n" if owner else "teams: {}\n"
    capacity.write_text(f"{text}\n{teams}", encoding="utf-8")
    (new / WORKFLOW).parent.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("init-workflow.yml"), new / WORKFLOW)
    (new / ".gitignore").write_text(".paydown/\n.*.lock\n", encoding="utf-8")
    variables = {"PAYDOWN_HOME": ".paydown", "PAYDOWN_LANDING": "landing",
                 "PAYDOWN_MODERNIZATION": "modernization", "PAYDOWN_DRY_RUN": "1"}  # fmt: skip
    for export in exports:
        if not export.is_file():
            raise SettingsError(f"{export}: no such file; correct --export")
        seen = _sniffed(export)
        tool = source or _tool(seen) or _answer(f"{export.name}: which tool's?", "--source")
        if tool not in MARKS:
            raise SettingsError(f"{tool}: no such tool; write one of {', '.join(MARKS)}")
        if tool == "servicenow":
            column = service_field or next((f for f in FIELDS if f in seen), "")
            column = column or _answer(f"{export.name}: column of the service?", "--service-field")
            if column.lower() not in seen:
                raise SettingsError(f"{export}: has no column {column}; correct --service-field")
            variables["PAYDOWN_SERVICENOW_SERVICE_FIELD"] = column
        target = new / "landing" / tool / "incidents"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(export, target)
    return variables


def _answer(question: str, option: str) -> str:
    """What a person types; SettingsError if there is nobody to ask."""
    if not sys.stdin.isatty():
        raise SettingsError(f"{question}: not known; give it with {option}")
    return typer.prompt(question)


def _sniffed(path: Path) -> str:
    """The beginning of a text file, in lower case; empty if it isn't text."""
    opened = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with opened(path, "rb") as file:
            return file.read(SNIFFED_BYTES).decode("utf-8", errors="ignore").lower()
    except OSError:
        return ""


def _tool(seen: str) -> str:
    found = {tool: sum(mark in seen for mark in marks) for tool, marks in MARKS.items()}
    best = max(found, key=lambda tool: found[tool])
    return best if found[best] and [*found.values()].count(found[best]) == 1 else ""


def _environment_file(variables: dict[str, str]) -> str:
    lines = [
        "# Settings of `paydown` in this folder; environment variables take precedence.",
        "# No secrets here: tokens belong in the environment. PAYDOWN_DRY_RUN=1 writes to no",
        "# tracker; PAYDOWN_AS_OF is where the export ends: remove it once data is live.",
        *(f"{name}={value}" for name, value in variables.items()),
    ]
    return "\n".join(lines) + "\n"


def _loaded(
    new: Path, variables: dict[str, str]
) -> tuple[list[dict[str, Any]], datetime | None, list[str]]:
    """The services that the exports name with their incidents, the newest, and what is wrong."""
    paths = ("PAYDOWN_HOME", "PAYDOWN_LANDING", "PAYDOWN_MODERNIZATION")
    os.environ.update(variables | {name: str(new / variables[name]) for name in paths})
    settings = Settings.from_environment()
    streams = {f"{tool}.incidents" for tool in MARKS}
    report, _ = steps.load(settings, streams)
    problems = [str(one) for one in (*report.rejected, *report.quarantined)][:10]
    found: dict[str, dict[str, Any]] = {}
    newest = None
    tables = [f"raw.{tool}__incidents" for tool in MARKS]
    with warehouse_of(settings).reading(tables) as con:
        for tool, table in zip(MARKS, tables, strict=True):
            columns = [row[0] for row in con.execute(
                "select column_name from duckdb_columns() where schema_name = 'raw' "
                "and table_name = ?", [table.partition(".")[2]],
            ).fetchall()]  # fmt: skip
            opened = next((name for name in OPENED if name in columns), "")
            if "service_name" not in columns or not opened:
                continue
            rows = con.execute(
                f"select service_name, min(service_id), count(*), max({opened}) from {table} "  # noqa: S608
                "where trim(coalesce(service_name, '')) not in ('', '?') group by 1 order by 3 desc"
            ).fetchall()
            for name, identity, count, latest in rows:
                found.setdefault(name, {"name": name, "tool": tool, "id": identity, "count": count})
                newest = max(filter(None, (newest, latest)), default=None)
    return [*found.values()], newest.replace(tzinfo=UTC) if newest else None, problems


def _catalog(services: Sequence[dict[str, Any]], owner: str) -> str:
    """A component for each service, with the name that the exports use."""
    return (
        "# A start, made of the services in the exports: give each an owner, without which no\n"
        "# epic opens, and merge those that are the same.\n"
        + yaml.safe_dump_all(_components(services, owner), sort_keys=False, allow_unicode=True)
    )


def _components(services: Sequence[dict[str, Any]], owner: str) -> Iterator[dict[str, Any]]:
    taken: set[str] = set()
    for service in services[:MAX_SERVICES]:
        slug = re.sub(r"[^a-z0-9]+", "-", service["name"].lower()).strip("-")[:55].strip("-")
        name = slug = slug or "service"
        while name in taken:
            name = f"{slug}-{len(taken)}"
        taken.add(name)
        annotations = {}
        if service["name"] != name and "," not in service["name"]:
            annotations["paydown/aliases"] = service["name"]
        if service["tool"] == "pagerduty" and service["id"]:
            annotations["pagerduty.com/service-id"] = service["id"]
        metadata = {"name": name, "title": service["name"]}
        metadata |= {"annotations": annotations} if annotations else {}
        spec = {"type": "service", "lifecycle": "production", **({"owner": owner} if owner else {})}
        yield {"apiVersion": "backstage.io/v1alpha1", "kind": "Component",
               "metadata": metadata, "spec": spec}  # fmt: skip


def _show(
    folder: Path, services: Sequence[dict[str, Any]], variables: dict[str, str], owner: str
) -> None:
    records = sum(service["count"] for service in services)
    say(f"{len(services):,} services in {records:,} records of the exports", "bold")
    if len(services) > MAX_SERVICES:
        say(f"the starter catalog has the {MAX_SERVICES:,} with most records", "yellow")
    if not owner:
        say("no service has an owner, without which no epic opens: write spec.owner", "yellow")
    if moment := variables.get("PAYDOWN_AS_OF"):
        say(f"the exports end in the past, so now is {moment} ({ENVIRONMENT_FILE})", "yellow")
    say("modernization/  rubric, capacity, calendar, sources, tracker: change what is yours")
    say("landing/        the exports, and backstage/starter/catalog-info.yaml")
    say(f"{WORKFLOW}  proposes the ranked epics on Fridays")
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    say(f"next: {where}paydown run", "bold green")
