"""Names and references as people write them: checked, and brought into one form.

A name ends up in SQL, file names of the local tracker, web pages and chat, so one that looks like a
path or has invisible characters is rejected here, once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from orchestration.documents.strict import invalid, matching

MAX_NAME = 200
MAX_URL = 2_000
SOURCES = ("pagerduty", "opsgenie", "servicenow")

_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
# Jira MOD-123, Azure DevOps AB#123 or #123, ServiceNow INC0012345.
TICKET = re.compile(r"(?<![\w-])(?:[A-Z][A-Z0-9_]{1,19}-\d{1,10}|(?:AB)?#\d{1,10})(?![\w-])")
# A bare hash, one after its repository, or the address of a commit's page.
_COMMIT = re.compile(
    r"(?:https?://[^/\s@]+/(?P<page>[\w.-]+(?:/[\w.-]+)+?)(?:/-)?/commits?/"
    r"|(?P<repository>[\w.-]+(?:/[\w.-]+)*)@)?(?P<sha>[0-9a-f]{7,64})",
    re.ASCII | re.IGNORECASE,
)
_PATH = re.compile(r"~|[A-Za-z]:/|.*\\|/|.*/$|.*//|(?:.*/)?\.\.?(?:/|$)")


def service_name(value: str) -> str:
    """A service as written, without surrounding blanks."""
    name = value.strip()
    if not name:
        raise invalid("is empty", "write the service's name, or remove the entry")
    if len(name) > MAX_NAME:
        raise invalid(f"is {len(name)} characters, the limit is {MAX_NAME}", "write the name alone")
    if not name.isprintable():
        raise invalid("holds invisible characters", "type the name again")
    if _PATH.match(name):
        raise invalid("looks like a path", "write the service's name, such as payments-api")
    return name


def incident_ref(value: str) -> str:
    """`source:id` with the source in lower case, or a bare id or number."""
    source, colon, identifier = value.strip().removeprefix("#").rpartition(":")
    source, identifier = re.sub(r"[\s_-]", "", source.lower()), identifier.strip()
    fix = "write such as servicenow:INC0012345 or pagerduty:Q1ABC2DEF"
    if colon and source not in SOURCES:
        raise invalid(f"'{source}' is none of {', '.join(SOURCES)}", fix)
    if not re.fullmatch(_ID, identifier):
        raise invalid("is not an incident's id", fix)
    return f"{source}:{identifier}" if colon else identifier


def commit_ref(value: str) -> str:
    """`repository@sha` of it or of its page's address, or the hash alone; in lower case."""
    match = _COMMIT.fullmatch(value.strip())
    if not match:
        raise invalid("is not a commit", "write 7 digits or more of its hash, or repository@hash")
    repository = (match["page"] or match["repository"] or "").removesuffix(".git")
    return f"{repository}@{match['sha']}".removeprefix("@").lower()


def owner_name(value: str) -> str:
    """The handle of `@team-payments EM` without its @; a name without one stays as written."""
    handle = re.match(r"@(\w[\w./-]*)", value.strip())
    return service_name(handle[1].rstrip("./-") if handle else value)


def web_address(value: str) -> str:
    """An http(s) address that carries no credentials."""
    text = value.strip()
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_web, parts = False, urlsplit("")
    if not is_web or len(text) > MAX_URL or not text.isprintable() or " " in text:
        fix = "write an address such as https://grafana.example.com/d/abc123"
        raise invalid("is not a web address", fix)
    if parts.username or parts.password:
        raise invalid("holds a user name or password", "remove what is before the @")
    return text


def utc_time(value: str) -> str:
    """A time in UTC to the second; without an offset it is UTC, a date means midnight."""
    try:
        moment = datetime.fromisoformat(re.sub(r"\s*UTC$", "Z", value.strip()))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        fix = "write it in UTC, such as 2026-03-01T16:30:00Z"
        raise invalid("is not a date and time", fix) from None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_text(value: Any) -> Any:
    """Incident numbers are numbers to YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Reference = Annotated[str, BeforeValidator(_as_text, json_schema_input_type=str | int)]
ServiceName = Annotated[str, AfterValidator(service_name)]
Owner = Annotated[str, AfterValidator(owner_name)]
IncidentRef = Annotated[Reference, AfterValidator(incident_ref)]
CommitRef = Annotated[Reference, AfterValidator(commit_ref)]
# An epic, a ticket or an entry of the risk register.
TicketRef = Annotated[
    Reference,
    matching(f"{_ID}|{TICKET.pattern}", "is not a reference", "write such as MOD-123"),
]
WebAddress = Annotated[str, AfterValidator(web_address), Field(json_schema_extra={"format": "uri"})]
Moment = Annotated[str, AfterValidator(utc_time)]
