"""`paydown postmortem new`: a draft of what the marts know of an incident, and nothing else.

Unknown fields stay empty, with their hints, so that a draft is never taken for a finished review.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.publish.analyst_copy import published
from orchestration.settings import Settings, SettingsError
from orchestration.trackers.text import escape_markdown, web_address
from orchestration.warehouse import rows_of

TEMPLATE = "TEMPLATE-front-matter.md"
FOUND = """
    select *
    from fct_incidents
    where lower($ref) in (
        lower(incident_id), lower(source_incident_id), lower(incident_number),
        lower(source_name || ':' || incident_number)
    )
    order by triggered_at desc
"""
SERVICES = """
    select distinct services.service_name, services.service_id = $causal as is_causal
    from dim_services as services
    where services.service_id in ($causal, $current, $triggered, $counted)
    order by is_causal desc, services.service_name
"""
BURNS = """
    select slo_name, indicator_kind, burn_rate
    from fct_incident_burn
    where incident_id = $id and not is_estimated and burn_rate is not null
    order by burn_rate desc
"""
RESPONDERS = """
    select distinct responder_name
    from fct_pages
    where incident_id = $id and responder_name is not null
    order by responder_name
"""
EARLIER = """
    select incidents.*, items.action_item_title, items.owner as item_owner, items.due_on,
        items.action_item_status, items.ticket_url
    from fct_incidents as incidents
    left join fct_action_items as items on incidents.postmortem_id = items.postmortem_id
    where incidents.fingerprint = $fingerprint and incidents.triggered_at < $at
        and incidents.incident_id != $id
    order by incidents.triggered_at desc, incidents.incident_id, items.due_on,
        items.action_item_title
    limit 100
"""
Row = Mapping[str, Any]


def new_postmortem(settings: Settings, ref: str, into: Path) -> Path:
    """Write the draft of an incident, named by id, number or `source:id`; returns its path.

    Raises:
        NotPublishedError: nothing was published yet.
        SettingsError: no or several loaded incidents have that name, or it has a postmortem.
    """
    with published(settings) as con:

        def rows(sql: str, **values: Any) -> list[dict[str, Any]]:
            return rows_of(con, sql, values)

        found = rows(FOUND, ref=ref.strip())
        if len(found) != 1:
            ids = ", ".join(row["incident_id"] for row in found[:5])
            raise SettingsError(
                f"{ref}: several incidents have that name; name one of {ids}"
                if found
                else f"{ref}: no loaded incident has that name; give its number, id or "
                "source:id, or load it first with `paydown run`"
            )
        incident = found[0]
        if incident["postmortem_id"]:
            raise SettingsError(f"{ref}: has a postmortem already: {incident['postmortem_id']}")
        known = {"id": incident["incident_id"]}
        keys = ("causal", "current", "triggered")
        services = rows(
            SERVICES,
            counted=incident["service_id"],
            **{key: incident[f"{key}_service_id"] for key in keys},
        )
        burns, responders = rows(BURNS, **known), rows(RESPONDERS, **known)
        at = {"fingerprint": incident["fingerprint"], "at": incident["triggered_at"]}
        earlier = rows(EARLIER, **known, **at) if incident["fingerprint"] else []
    template = (settings.modernization / "postmortems" / TEMPLATE).read_text(encoding="utf-8")
    name = re.sub(r"[^\w.-]+", "-", incident["incident_number"] or incident["source_incident_id"])
    path = into / f"{name}.md"
    if path.exists():
        raise SettingsError(f"{path}: exists already; nothing was written")
    header = _header(template, incident, [row["service_name"] for row in services], burns)
    body = "\n".join([*_facts(incident, responders), *_repeats(earlier)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{header}\n{body}\n", encoding="utf-8")
    return path


def _header(template: str, incident: Row, services: Sequence[str], burns: Sequence[Row]) -> str:
    """The template's front matter with what is known; hints are kept."""
    share = incident["users_share"]
    slos = [
        {"name": row["slo_name"], "type": row["indicator_kind"], "burn_rate": row["burn_rate"]}
        for row in burns
    ]
    known = {
        "incident": [incident["incident_id"]],
        "title": incident["incident_title"],
        "services": services,
        "failure_mode": incident["failure_mode"],
        "slos": [{k: v for k, v in slo.items() if v is not None} for slo in slos],
        "users_percent": None if share is None else round(share * 100, 2),
        "revenue_usd": incident["revenue_impact_usd"],
        "owner": incident["owner"],
    }
    header = template.partition("\n---\n")[0]
    for key, value in known.items():
        if value not in (None, [], ""):
            text = json.dumps(value, ensure_ascii=False)
            found = re.compile(rf"^( *{key}:)(?: \[\])?( *#.*)?$", re.M)
            header = found.sub(lambda m, text=text: f"{m[1]} {text}{m[2] or ''}", header, count=1)
    return f"{header}\n---\n"


def _facts(incident: Row, responders: Sequence[Row]) -> Iterator[str]:
    """What happened, as far as the tools report it."""
    yield "## What happened\n"
    severity = incident["severity_level"]
    yield f"- Severity: {severity or 'not known'}"
    for label, key in (("Triggered", "triggered_at"), ("Acknowledged", "acknowledged_at"),
                       ("Resolved", "resolved_at")):  # fmt: skip
        at = incident[key]
        yield f"- {label}: {f'{at:%Y-%m-%d %H:%M} UTC' if at else 'not known'}"
    if (seconds := incident["active_seconds"]) is not None:
        yield f"- Active: {seconds / 60:,.0f} minutes"
    if names := [escape_markdown(row["responder_name"], 100) for row in responders]:
        yield f"- Responders: {', '.join(names)}"
    yield f"- Record: {_link(incident)}"
    yield "\nWhen did users begin to feel it? Write that into `impact.started_at`.\n"


def _repeats(rows: Sequence[Row]) -> Iterator[str]:
    """Earlier incidents of the same failure, and what their postmortems promised."""
    if not rows:
        return
    yield "## It happened before\n"
    last = None
    for row in rows:
        if row["incident_id"] != last:
            last = row["incident_id"]
            review = row["postmortem_id"]
            text = f"postmortem {escape_markdown(review)}" if review else "no postmortem"
            yield f"- {row['triggered_at']:%Y-%m-%d}: {_link(row)}, {text}"
        if row["action_item_title"]:
            details = [row["item_owner"], row["due_on"] and f"due {row['due_on']}",
                       row["action_item_status"], web_address(row["ticket_url"] or "")]  # fmt: skip
            known = ", ".join(escape_markdown(one, 200) for one in details if one)
            promised = escape_markdown(row["action_item_title"], 300)
            yield f"  - promised: {promised}{f' ({known})' if known else ''}"
    yield "\nWhy did it happen again?\n"


def _link(row: Row) -> str:
    title = escape_markdown(row["incident_title"] or row["incident_id"], 200)
    url = web_address(row["incident_url"] or "")
    return f"{title}: {url}" if url else f"{title} ({escape_markdown(row['incident_id'])})"
