"""An alert as a Slack message for an incoming webhook."""

from __future__ import annotations

import html
from typing import Any

from orchestration.alerts.message import Alert, fitted, more

# Slack's limits: characters of a header, blocks and characters of a message. A section takes 3,000
# characters, twice an item's.
HEADER = 150
BLOCKS = 50
MESSAGE = 13_200
# Kept back for what stands around the items.
AROUND = 1_200
ITEM_TEXT = 1_500


def payload(alert: Alert) -> dict[str, Any]:
    """The body to POST; nothing in it is taken for markup or for a mention."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": fitted(alert.title, HEADER)}}
    ]
    room = MESSAGE - AROUND - 2 * HEADER
    for number, item in enumerate(alert.items):
        heading = fitted(item.heading, 300, _escaped).replace("*", "")
        text = f"*{heading}*\n{fitted(item.text, ITEM_TEXT, _escaped)}"
        if len(text) > room or len(blocks) >= BLOCKS - 3:
            blocks.append(_section(more(len(alert.items) - number)))
            break
        room -= len(text)
        blocks.append(_section(text))
    if alert.advice:
        blocks.append(_section(fitted(alert.advice, 500, _escaped)))
    if alert.link:
        blocks.append(_section(f"<{_escaped(alert.link)}|Open the run>"))
    return {"text": fitted(alert.title, HEADER, _escaped), "blocks": blocks}


def _section(text: str) -> dict[str, Any]:
    # Verbatim: Slack makes no links or mentions of what merely looks like one.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
