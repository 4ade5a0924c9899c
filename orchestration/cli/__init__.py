"""The `paydown` command. Each command reads settings, calls one function and shows its result."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.command import Commands, read_settings
from orchestration.cli.ledger import app as ledger_app
from orchestration.cli.postmortem import app as postmortem_app
from orchestration.cli.quarantine import app as quarantine_app

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turns incidents and postmortems into a ranked, owned, dated and funded backlog.",
)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(ledger_app, name="ledger")
app.add_typer(postmortem_app, name="postmortem")
DAY = "%Y-%m-%d"
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for other programs.")]


@app.command()
def run(as_json: AsJson = False) -> bool:
    """Load what is new, build and test every model, publish, open the epics that qualify.

    Exits with 1 if a file can't be read, a test fails or the tracker rejected something.
    """
    settings = read_settings()
    from orchestration.cli.run import run_and_show

    return run_and_show(settings, as_json=as_json)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Created if it doesn't exist.")] = Path(),
    export: Annotated[
        list[Path] | None,
        typer.Option(help="Incidents as your tool exports them; may be repeated."),
    ] = None,
    source: Annotated[str, typer.Option(help="pagerduty, opsgenie or servicenow.")] = "",
    service_field: Annotated[
        str, typer.Option(help="Column of ServiceNow that names the service.")
    ] = "",
    owner: Annotated[str, typer.Option(help="Team that owns every service, to begin with.")] = "",
) -> bool:
    """Set a folder up from an export of incidents; `paydown run` in it ranks them.

    Creates modernization/, landing/ with a starter catalog, a workflow and paydown.env. Asks for
    what it can't infer. Existing files are not overwritten.
    """
    from orchestration.cli.init import show_init

    return show_init(folder, export or [], source, service_field, owner)


@app.command()
def explain(service: Annotated[str, typer.Argument(help="Name of the service.")]) -> bool:
    """Explain why a service has its score: every factor, its evidence and its incidents."""
    settings = read_settings()
    from orchestration.cli.explain import show_explanation

    return show_explanation(settings, service)


@app.command()
def whatif(
    scoring: Annotated[Path, typer.Option(help="The other rubric, a scoring.yaml.")],
    months: Annotated[int, typer.Option(min=0, max=36, help="Compare past months too.")] = 0,
) -> None:
    """Show who would move, and which epics would open, with another rubric. Changes nothing."""
    settings = read_settings()
    from orchestration.cli.scores import show_what_if

    show_what_if(settings, scoring, months)


@app.command()
def backfill(
    first: Annotated[datetime, typer.Option("--from", formats=[DAY], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=[DAY], help="Last day.")],
) -> None:
    """Score past days again, each with what was known on that day."""
    settings = read_settings()
    from orchestration.cli.scores import backfill_days

    backfill_days(settings, first.date(), last.date())


@app.command()
def doctor() -> bool:
    """Check settings, contracts, rubric, landing files, warehouse, ledger and last load.

    Exits with 1 if something needs a person.
    """
    settings = read_settings()
    from orchestration.cli.doctor import show_doctor

    return show_doctor(settings)


@app.command()
def epics(
    as_json: AsJson = False,
    full: Annotated[bool, typer.Option("--full", help="Show each request.")] = False,
) -> bool:
    """Show what the next run would open, change and close in the tracker. Never writes.

    Reads the candidates that the last run published. Exits with 1 if something would be rejected.
    """
    settings = read_settings()
    from orchestration.cli.epics import show_epics

    return show_epics(settings, as_json=as_json, full=full)


@app.command()
def triage(
    into: Annotated[
        Path | None,
        typer.Option(
            help="Folder that gets a folder per month; by default triage in PAYDOWN_HOME."
        ),
    ] = None,
) -> None:
    """Write the pack for the monthly triage: ten slides, as PowerPoint and as a page to print."""
    settings = read_settings()
    from orchestration.cli.tables import say, shown_path
    from orchestration.publish.analyst_copy import published
    from orchestration.report.triage import write_triage

    with published(settings) as con:
        for path in write_triage(con, into or settings.home / "triage"):
            say(shown_path(path))


@app.command()
def report() -> None:
    """Write the page for the weekly review again, from what the last run published."""
    settings = read_settings()
    from orchestration.cli.tables import say, shown_path
    from orchestration.steps import write_page

    say(shown_path(write_page(settings)))


@app.command()
def review(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8765,
) -> None:
    """Serve the page on this machine and record what the weekly review decides. Ctrl-C ends it."""
    settings = read_settings()
    from orchestration.cli.review import hold_review

    hold_review(settings, port)


@app.command()
def digest(
    again: Annotated[
        bool, typer.Option("--again", help="Also if an earlier attempt has no known outcome.")
    ] = False,
) -> bool:
    """Write the Friday digest as Markdown and send it to each channel, once per week and channel.

    Exits with 1 if a channel didn't accept it.
    """
    settings = read_settings()
    from orchestration.cli.digest import show_digest

    return show_digest(settings, again=again)


@app.command()
def sync(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Which; by default all that are switched on."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=[DAY], help="Read everything from this day (UTC) on again."),
    ] = None,
) -> bool:
    """Read the live systems into the landing folder; `paydown run` does this first.

    Exits with 1 if one stopped early.
    """
    settings = read_settings()
    from orchestration.cli.sync import show_sync

    return show_sync(settings, sources or [], since.date() if since else None)


@app.command("sync-decisions")
def sync_decisions(
    out: Annotated[Path | None, typer.Option(help="Write this file, and leave Git alone.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what is new.")] = False,
) -> None:
    """Propose modernization/prioritized.yaml, the ranked epics, in one pull request.

    What people wrote in it is kept. If nothing is new, nothing is pushed. Exits with 1 if the file
    can't be read, the branch can't be pushed to, or people's decisions contradict each other.
    """
    settings = read_settings()
    from orchestration.cli.decisions import show_sync_decisions

    show_sync_decisions(settings, out, dry_run=dry_run)


@app.command("sync-catalog")
def sync_catalog(
    out: Annotated[
        Path | None, typer.Option(help="Write JSON for portals into this folder instead.")
    ] = None,
    edit: Annotated[
        Path | None, typer.Option(help="Change the catalog files below this folder instead.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what is new.")] = False,
) -> bool:
    """Propose score, band, maturity and open epics to the catalog, in one pull request per
    repository.

    Nothing is pushed if scores moved only by a point or two. Exits with 1 if a file can't be
    changed or a branch can't be pushed to.
    """
    settings = read_settings()
    from orchestration.cli.decisions import show_sync_catalog

    return show_sync_catalog(settings, out, edit, dry_run=dry_run)


@app.command("guard", context_settings={"ignore_unknown_options": True, "help_option_names": []})
def guard(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Refuse AI-written code without tests and a lint gate; `guard --help` shows its options."""
    from orchestration.guard import main

    raise typer.Exit(main(arguments or []))
