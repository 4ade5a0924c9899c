"""An alert, and how each channel shows it. Text may come from outside: nothing in it is markup."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

TITLE, TEXT = 150, 600
# Within Slack's 50 blocks and 13,200 characters.
SHOWN = 12
# Teams accepts about 28 KB, and adds to it.
TEAMS_BYTES = 24_000


@dataclass(frozen=True)
class Alert:
    """One message. items: subject -> text; `advice` says what to do, `link` where to look (empty
    where unknown)."""

    title: str
    items: dict[str, str]
    advice: str = ""
    link: str = ""

    def parts(self, shown: int = SHOWN) -> list[tuple[str, str]]:
        """Heading and text of the first `shown` items, how many more there are, and the advice."""
        parts = [(fitted(s, TITLE), fitted(t, TEXT)) for s, t in [*self.items.items()][:shown]]
        if more := len(self.items) - len(parts):
            parts.append((f"and {more:,} more", "`paydown doctor` shows all"))
        return [*parts, ("What to do", self.advice)] if self.advice else parts


def slack_message(alert: Alert) -> dict[str, Any]:
    """`text` and `blocks` of a Slack message; only the link is more than plain text."""

    def plain(text: str) -> dict[str, str]:
        return {"type": "plain_text", "text": text}

    title = fitted(alert.title, TITLE)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain(title)},
        *({"type": "section", "text": plain("\n".join(part).strip())} for part in alert.parts()),
    ]
    if alert.link:
        button = {"type": "button", "text": plain("Open Dagster"), "url": alert.link}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": html.escape(title, quote=False), "blocks": blocks}


def teams_card(alert: Alert, shown: int = SHOWN) -> dict[str, Any]:
    """The alert as a message with an Adaptive Card, for a webhook of Teams Workflows."""

    def line(text: str, **style: str) -> dict[str, Any]:
        # Runs, unlike blocks of text, are not read as Markdown; but `{{DATE(...)}}` and `${...}`
        # are functions of the card's language in any text.
        literal = text.replace("{{", "{ {").replace("${", "$ {")
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": literal, **style}]}

    title = fitted(alert.title, TITLE)
    body = [line(title, weight="Bolder", size="Large")]
    for heading, text in alert.parts(shown):
        body += [{**line(heading, weight="Bolder"), "separator": True}, line(text)]
    link = {"type": "Action.OpenUrl", "title": "Open Dagster", "url": alert.link}
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "fallbackText": title,
        "body": body,
        "actions": [link] if alert.link else [],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    card = {"contentType": kind, "contentUrl": None, "content": content}
    too_large = shown and len(json.dumps(card)) > TEAMS_BYTES
    return teams_card(alert, shown - 1) if too_large else {"type": "message", "attachments": [card]}


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
    for heading, text in alert.parts(len(alert.items)):
        lines += [heading, *(f"  {line}" for line in text.splitlines()), ""]
    message.set_content("\n".join([*lines, alert.link]))
    return message


def fitted(text: str, limit: int) -> str:
    """The text without control characters (line ends stay), cut to at most `limit` characters."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()
    return printable if len(printable) <= limit else f"{printable[: limit - 1]}…"
