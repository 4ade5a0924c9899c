"""An alert, and how each channel shows it. Text may come from outside: nothing in it is markup."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

CUT = "…"
TITLE, HEADING, TEXT = 150, 300, 1_500
# Slack takes 50 blocks and about 13,200 characters; what stands around the items is kept back.
SLACK_ITEMS, SLACK_CHARACTERS = 46, 11_500
# Teams takes about 28 KB, and adds to it.
TEAMS_BYTES = 24_000
# The first version whose text (TextRun) no client reads as Markdown.
CARD_VERSION = "1.2"


@dataclass(frozen=True)
class Item:
    """One problem."""

    subject: str
    text: str = ""
    owner: str = ""

    @property
    def heading(self) -> str:
        return f"{self.subject} (owner: {self.owner})" if self.owner else self.subject


@dataclass(frozen=True)
class Alert:
    """One message. `advice` says what to do, `link` where to look (empty where unknown)."""

    title: str
    items: list[Item] = field(default_factory=list)
    advice: str = ""
    link: str = ""


def slack_blocks(alert: Alert) -> list[dict[str, Any]]:
    """The alert as blocks of a Slack message."""
    title = {"type": "plain_text", "text": fitted(alert.title, TITLE)}
    sections: list[str] = []
    room = SLACK_CHARACTERS
    for number, item in enumerate(alert.items):
        heading = fitted(item.heading, HEADING, escaped).replace("*", "")
        text = f"*{heading}*\n{fitted(item.text, TEXT, escaped)}"
        if len(text) > room or len(sections) >= SLACK_ITEMS:
            sections.append(_more(len(alert.items) - number))
            break
        room -= len(text)
        sections.append(text)
    if alert.advice:
        sections.append(fitted(alert.advice, HEADING, escaped))
    if alert.link:
        sections.append(f"<{escaped(alert.link)}|Open Dagster>")
    # Verbatim: Slack makes no links or mentions of what merely looks like one.
    texts = [{"type": "mrkdwn", "text": text, "verbatim": True} for text in sections]
    return [{"type": "header", "text": title}, *({"type": "section", "text": t} for t in texts)]


def teams_card(alert: Alert) -> dict[str, Any]:
    """The alert as a message with an Adaptive Card, for a webhook of Teams Workflows."""
    shown = len(alert.items)
    while shown and len(json.dumps(_card(alert, shown))) > TEAMS_BYTES:
        shown -= 1
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": _card(alert, shown),
    }
    return {"type": "message", "attachments": [attachment]}


def mail(alert: Alert, sender: str, recipients: list[str]) -> EmailMessage:
    """The alert as an e-mail in plain text."""
    message = EmailMessage()
    message["Subject"] = " ".join(fitted(f"paydown: {alert.title}", TITLE).split())
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="paydown.invalid")
    # No replies from mailboxes whose owner is away.
    message["Auto-Submitted"] = "auto-generated"
    lines = [alert.title, ""]
    for item in alert.items:
        lines += [plain(item.heading), *(f"  {line}" for line in plain(item.text).splitlines()), ""]
    lines += [line for line in (alert.advice, alert.link) if line]
    message.set_content("\n".join(lines))
    return message


def plain(text: str) -> str:
    """The text without control characters; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()


def escaped(text: str) -> str:
    """The text as Slack shows it literally."""
    return html.escape(text, quote=False)


def fitted(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """The text without control characters, escaped, and cut so that it is at most `limit` long."""
    text = plain(text)
    shown = escape(text)
    while len(shown) > limit:
        # An escape is several characters, which must not be cut through.
        text = text[: len(text) - max(1, (len(shown) - limit) // 8)]
        shown = escape(text) + CUT
    return shown


def _more(count: int) -> str:
    return f"and {count:,} more; `paydown doctor` shows all"


def _card(alert: Alert, shown: int) -> dict[str, Any]:
    body = [_line(alert.title, TITLE, weight="Bolder", size="Large")]
    for item in alert.items[:shown]:
        body.append({**_line(item.heading, HEADING, weight="Bolder"), "separator": True})
        body.append(_line(item.text, TEXT))
    if shown < len(alert.items):
        body.append(_line(_more(len(alert.items) - shown), HEADING))
    if alert.advice:
        body.append({**_line(alert.advice, HEADING), "separator": True})
    link = {"type": "Action.OpenUrl", "title": "Open Dagster", "url": alert.link}
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": CARD_VERSION,
        "fallbackText": _literal(alert.title, TITLE),
        "body": body,
        **({"actions": [link]} if alert.link else {}),
    }


def _line(text: str, limit: int, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": _literal(text, limit), **style}
    return {"type": "RichTextBlock", "inlines": [run]}


def _literal(text: str, limit: int) -> str:
    # `{{DATE(...)}}` and `${...}` are functions of the card's language in any text.
    return fitted(text, limit).replace("{{", "{ {").replace("${", "$ {")
