"""An alert as an Adaptive Card for a webhook of Teams Workflows."""

from __future__ import annotations

import json
from typing import Any

from orchestration.alerts.message import Alert, Item, fitted, more

# Teams takes about 28 KB; the rest is for what it adds.
BYTES = 24_000
# The first version with text that no client reads as Markdown (TextRun).
VERSION = "1.2"
ITEM_TEXT = 1_500


def payload(alert: Alert) -> dict[str, Any]:
    """The body to POST. All text is in runs, which clients show as it is."""
    shown = len(alert.items)
    while True:
        body = _body(alert, shown)
        if not shown or len(json.dumps(body)) <= BYTES:
            return body
        shown -= 1


def _body(alert: Alert, shown: int) -> dict[str, Any]:
    elements = [_text(_run(alert.title, 200, weight="Bolder", size="Large"))]
    for item in alert.items[:shown]:
        elements += _item(item)
    if shown < len(alert.items):
        elements.append(_text(_run(more(len(alert.items) - shown), 100)))
    if alert.advice:
        elements.append({**_text(_run(alert.advice, 500)), "separator": True})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        "fallbackText": _whole(alert.title, 200),
        "body": elements,
    }
    if alert.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the run", "url": alert.link}]
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": card,
            }
        ],
    }


def _item(item: Item) -> list[dict[str, Any]]:
    heading = _text(_run(item.heading, 300, weight="Bolder"))
    return [{**heading, "separator": True}, _text(_run(item.text, ITEM_TEXT))]


def _text(run: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [run]}


def _run(text: str, limit: int, **style: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": _whole(text, limit), **style}


def _whole(text: str, limit: int) -> str:
    # `{{DATE(...)}}` and `${...}` are functions of the card's language in any text.
    return fitted(text, limit).replace("{{", "{ {").replace("${", "$ {")
