"""An alert as an e-mail, in plain text."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from orchestration.alerts.message import Alert, DeliveryError, fitted, plain

SECONDS = 10
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EXAMPLE = "smtps://user:password@smtp.example.com"


def send(alert: Alert, smtp_url: str, recipients: str) -> None:
    """Send the alert to all recipients (separated by commas) in one e-mail.

    Args:
        smtp_url: smtps://user:password@host:465, or smtp://... with STARTTLS where it is offered;
            `?from=` names the sender.

    Raises:
        DeliveryError: it was not taken.
    """
    parts = urlsplit(smtp_url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise DeliveryError(f"PAYDOWN_SMTP_URL is not an address like {EXAMPLE}")
    to = [address.strip() for address in recipients.split(",") if address.strip()]
    if not to:
        raise DeliveryError("PAYDOWN_ALERT_EMAIL is not set; put the recipients there")
    try:
        message = compose(alert, _sender(parts, to), to)
        with _connected(parts) as smtp:
            refused = smtp.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # What the server said may repeat an address; its code says enough.
        code = getattr(error, "smtp_code", "")
        raise DeliveryError(f"not sent ({type(error).__name__} {code}".rstrip() + ")") from None
    if refused:
        raise DeliveryError(f"{len(refused)} of {len(to)} recipients were refused")


def compose(alert: Alert, sender: str, to: list[str]) -> EmailMessage:
    """The e-mail itself."""
    message = EmailMessage()
    message["Subject"] = " ".join(fitted(f"paydown: {alert.title}", 200).split())
    message["From"] = sender
    message["To"] = ", ".join(to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="paydown.invalid")
    # No answers from machines that are away.
    message["Auto-Submitted"] = "auto-generated"
    lines = [alert.title, ""]
    for item in alert.items:
        lines += [plain(item.heading), *(f"  {line}" for line in plain(item.text).splitlines()), ""]
    lines += [line for line in (alert.advice, alert.link) if line]
    message.set_content("\n".join(lines))
    return message


def _sender(parts: SplitResult, to: list[str]) -> str:
    stated = parse_qs(parts.query).get("from", [""])[0]
    user = unquote(parts.username or "")
    return stated or (user if "@" in user else to[0])


def _connected(parts: SplitResult) -> smtplib.SMTP:
    host = parts.hostname or ""
    port = parts.port or PORTS[parts.scheme]
    tls = ssl.create_default_context()
    if parts.scheme == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=tls)
    else:
        smtp = smtplib.SMTP(host, port, timeout=SECONDS)
    try:
        smtp.ehlo()
        if parts.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls(context=tls)
            smtp.ehlo()
        elif parts.scheme == "smtp" and parts.username and host not in LOOPBACK:
            raise DeliveryError("the server offers no TLS for the password; use smtps://")
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        smtp.close()
        raise
    return smtp
