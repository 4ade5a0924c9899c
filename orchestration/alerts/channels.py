"""Where alerts go. A channel is switched on by its address in the environment."""

import os
from collections.abc import Callable, Collection, Mapping

import dagster as dg

from orchestration.alerts import mail, slack, teams, webhook
from orchestration.alerts.message import Alert, DeliveryError

# Field of `Channels` -> environment variable.
VARIABLES = {
    "slack_webhook": "PAYDOWN_SLACK_WEBHOOK",
    "teams_webhook": "PAYDOWN_TEAMS_WEBHOOK",
    "smtp_url": "PAYDOWN_SMTP_URL",
    "alert_email": "PAYDOWN_ALERT_EMAIL",
}


class Channels(dg.ConfigurableResource):
    """The channels that are configured; all addresses are secrets."""

    slack_webhook: str = ""
    teams_webhook: str = ""
    smtp_url: str = ""
    alert_email: str = ""

    @property
    def names(self) -> list[str]:
        """Those that are switched on."""
        return list(self._senders())

    def deliver(self, alert: Alert, names: Collection[str] | None = None) -> dict[str, str]:
        """Tell each of the channels (all if none are named).

        Returns:
            Channel -> what went wrong, empty where it was told. No address is in it.
        """
        outcome = {}
        for name, send in self._senders().items():
            if names is not None and name not in names:
                continue
            try:
                send(alert)
            except DeliveryError as error:
                outcome[name] = f"{name}: {error}"
            except Exception as error:
                # Its text may hold the address; a fault here must not stop the other channels.
                outcome[name] = f"{name}: {type(error).__name__}; report it"
            else:
                outcome[name] = ""
        return outcome

    def _senders(self) -> dict[str, Callable[[Alert], None]]:
        senders: dict[str, Callable[[Alert], None]] = {}
        if self.slack_webhook:
            senders["slack"] = lambda alert: webhook.post(
                VARIABLES["slack_webhook"], self.slack_webhook, slack.payload(alert)
            )
        if self.teams_webhook:
            senders["teams"] = lambda alert: webhook.post(
                VARIABLES["teams_webhook"], self.teams_webhook, teams.payload(alert)
            )
        if self.smtp_url:
            senders["e-mail"] = lambda alert: mail.send(alert, self.smtp_url, self.alert_email)
        return senders


def channels_resource(environment: Mapping[str, str] = os.environ) -> Channels:
    """The resource; Dagster reads the values when it needs them, so definitions hold none."""
    return Channels(
        **{
            field: dg.EnvVar(variable)
            for field, variable in VARIABLES.items()
            if environment.get(variable)
        }
    )


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether any channel is switched on."""
    return any(environment.get(v) for f, v in VARIABLES.items() if f != "alert_email")
