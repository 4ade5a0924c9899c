"""One POST to a webhook. Its address is a secret: it is in no message, error or log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from orchestration.alerts.message import DeliveryError

# A sensor has about a minute for all it does.
ATTEMPTS = 3
SECONDS = 8
MAX_WAIT_SECONDS = 10.0

# At DEBUG, urllib3 logs the path of each request.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def post(
    name: str, url: str, body: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep
) -> None:
    """POST the body as JSON; a 429, a 5xx and a broken connection are tried again.

    Args:
        name: the environment variable that holds the address, for messages.

    Raises:
        DeliveryError: it was not taken.
    """
    if not url.startswith(("https://", "http://")):
        raise DeliveryError(f"{name} is not a web address; copy it again")
    problem = ""
    for attempt in range(ATTEMPTS):
        wait = float(attempt)
        try:
            with requests.post(
                url, json=body, timeout=SECONDS, allow_redirects=False, stream=True
            ) as response:
                status = response.status_code
                wait = _retry_after(response, wait)
        except requests.RequestException as error:
            # Its text holds the address.
            problem = f"no answer ({type(error).__name__})"
        else:
            if status < 300:
                return
            problem = f"answered {status}"
            if status != 429 and status < 500:
                raise DeliveryError(f"{problem}; make a new webhook and put it into {name}")
        if attempt + 1 < ATTEMPTS:
            sleep(min(wait, MAX_WAIT_SECONDS))
    raise DeliveryError(f"{problem}, {ATTEMPTS} times over")


def _retry_after(response: requests.Response, otherwise: float) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else otherwise
