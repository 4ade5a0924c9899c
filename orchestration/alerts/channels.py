"""Where alerts go: Slack, Teams and mail, each switched on by its address in the environment.

Addresses are secrets: none is in a message, an error or a log.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import dagster as dg
from dagster_msteams.client import TeamsClient
from slack_sdk.webhook import WebhookClient

from orchestration.alerts.message import Alert, mail, slack_message, teams_card

# Field of `Channels` -> environment variable.
VARIABLES = {
    "slack_webhook": "PAYDOWN_SLACK_WEBHOOK",
    "teams_webhook": "PAYDOWN_TEAMS_WEBHOOK",
    "smtp_url": "PAYDOWN_SMTP_URL",
    "alert_email": "PAYDOWN_ALERT_EMAIL",
    "dagster_url": "PAYDOWN_DAGSTER_URL",
}
# The fields that switch a channel on -> its name.
CHANNELS = {"slack_webhook": "Slack", "teams_webhook": "Teams", "smtp_url": "e-mail"}
# A sensor has about a minute for all it does; its next tick tries again.
SECONDS = 8
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EXAMPLE = "smtps://user:password@smtp.example.com"

# At DEBUG both log the address of each request.
for _name in ("urllib3.connectionpool", "slack_sdk"):
    logging.getLogger(_name).setLevel(logging.INFO)


class DeliveryError(Exception):
    """An alert could not be delivered; the message holds no address and no secret."""


class Channels(dg.ConfigurableResource):
    """The channels that are configured.

    smtp_url: smtps://user:password@host:465, or smtp://... with STARTTLS where it is offered;
    `?from=` names the sender. alert_email: recipients, separated by commas.
    """

    slack_webhook: str = ""
    teams_webhook: str = ""
    smtp_url: str = ""
    alert_email: str = ""
    dagster_url: str = ""

    @property
    def senders(self) -> dict[str, Callable[[Alert], None]]:
        """How to send by each channel that is switched on."""
        send = (self._send_to_slack, self._send_to_teams, self._send_mail)
        pairs = zip(CHANNELS.items(), send, strict=True)
        return {name: sender for (field, name), sender in pairs if getattr(self, field)}

    @property
    def link(self) -> str:
        """Where Dagster's UI is; empty if not configured."""
        url = self.dagster_url.rstrip("/")
        return f"{url}/runs" if url.startswith(("http://", "https://")) else ""

    def deliver(self, channel: str, alert: Alert) -> str:
        """Send an alert by one channel; returns what went wrong, empty where it was accepted."""
        try:
            self.senders[channel](alert)
        except DeliveryError as error:
            return f"{channel}: {error}"
        except Exception as error:
            # Its text may hold the address; a problem here must not stop the other channels.
            code = getattr(error, "smtp_code", "")
            return f"{channel}: not sent ({type(error).__name__} {code}".rstrip() + ")"
        return ""

    def _send_to_slack(self, alert: Alert) -> None:
        _check_address("PAYDOWN_SLACK_WEBHOOK", self.slack_webhook)
        client = WebhookClient(self.slack_webhook, timeout=SECONDS, retry_handlers=[])
        status = client.send(**slack_message(alert)).status_code
        if status != 200:
            is_final = 300 <= status < 500 and status != 429
            advice = "; put a new webhook into PAYDOWN_SLACK_WEBHOOK" if is_final else ""
            raise DeliveryError(f"answered {status}{advice}")

    def _send_to_teams(self, alert: Alert) -> None:
        _check_address("PAYDOWN_TEAMS_WEBHOOK", self.teams_webhook)
        client = TeamsClient(self.teams_webhook, timeout=SECONDS, verify=True)
        client.post_message(teams_card(alert))

    def _send_mail(self, alert: Alert) -> None:
        parts = urlsplit(self.smtp_url)
        recipients = [a.strip() for a in self.alert_email.split(",") if a.strip()]
        if parts.scheme not in PORTS or not parts.hostname:
            raise DeliveryError(f"PAYDOWN_SMTP_URL is not an address like {EXAMPLE}")
        if not recipients:
            raise DeliveryError("PAYDOWN_ALERT_EMAIL is not set; put the recipients there")
        user = unquote(parts.username or "")
        stated = parse_qs(parts.query).get("from", [""])[0]
        sender = stated or (user if "@" in user else recipients[0])
        with _connected(parts) as smtp:
            if user:
                smtp.login(user, unquote(parts.password or ""))
            rejected = smtp.send_message(mail(alert, sender, recipients))
        if rejected:
            raise DeliveryError(f"{len(rejected)} of {len(recipients)} recipients were rejected")


def _connected(parts: SplitResult) -> smtplib.SMTP:
    """A connection with TLS wherever a password would otherwise be readable in transit."""
    tls = ssl.create_default_context()
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    if parts.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=tls)
    smtp = smtplib.SMTP(host, port, timeout=SECONDS)
    smtp.ehlo()
    if smtp.has_extn("starttls"):
        smtp.starttls(context=tls)
    elif parts.username and host not in LOOPBACK:
        smtp.close()
        raise DeliveryError("the server offers no TLS for the password; use smtps://")
    return smtp


def _check_address(variable: str, url: str) -> None:
    if not url.startswith(("https://", "http://")):
        raise DeliveryError(f"{variable} is not a web address; copy it again")
