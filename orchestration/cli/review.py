"""`paydown review`: the page on this machine's loopback, which accepts decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.cli.tables import published_rows, say, shown_path
from orchestration.decisions.review import FILE, checked, commit, read_decisions, record
from orchestration.publish.analyst_copy import published
from orchestration.report.page import render_page
from orchestration.report.server import ReviewServer
from orchestration.settings import Settings, SettingsError

NAMES = "select service_name, service_id from rpt_promotion_candidates"


def review_server(settings: Settings, port: int) -> ReviewServer:
    """The server, ready to serve.

    Raises:
        SettingsError: nothing was published yet, or the port is in use.
        ConfigError: decisions.yaml is wrong.
    """
    day = f"{settings.now():%Y-%m-%d}"

    def page(token: str) -> str:
        decided = [one.model_dump() for one in read_decisions(settings.modernization)]
        with published(settings) as con:
            return render_page(con, {"token": token, "decided": decided, "day": day})

    def take(given: Mapping[str, Any]) -> dict[str, Any]:
        decision = checked({**given, "decided_on": day})
        rows = published_rows(settings, NAMES)
        known = {row["service_id"].removeprefix("shared-fix:") for row in rows}
        if decision.service not in known | {row["service_name"] for row in rows}:
            raise ValueError(f"service: {decision.service} is not scored; pick one of the list")
        record(settings.modernization, decision)
        branch = commit(settings.modernization, day)
        return {"decision": decision.model_dump(), "branch": branch}

    page("")  # What can't be shown is reported now.
    try:
        return ReviewServer(port, page, take)
    except OSError as error:
        advice = "name another with --port, or 0 for any"
        raise SettingsError(f"port {port}: {error.strerror}; {advice}") from None


def hold_review(settings: Settings, port: int) -> None:
    """Serve until Ctrl-C, then print where the decisions are."""
    before = len(read_decisions(settings.modernization))
    server = review_server(settings, port)
    say(f"review page  {server.address}", "bold")
    path = shown_path(settings.modernization / FILE)
    say(f"decisions    {path}; Ctrl-C ends the meeting")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    count = len(read_decisions(settings.modernization)) - before
    say(f"{count} decisions recorded in {path}; the next `paydown run` acts on them")
