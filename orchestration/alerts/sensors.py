"""When alerts are told: a run failed, a check failed, a source is stale or fresh again."""

import os
from collections.abc import Mapping

import dagster as dg

from orchestration.alerts.channels import Channels, is_configured
from orchestration.alerts.failures import (
    Failure,
    Owners,
    failure_alert,
    failures_of,
    news,
    run_before,
)
from orchestration.alerts.message import Alert
from orchestration.alerts.stale import (
    news as stale_news,
)
from orchestration.alerts.stale import (
    read_cursor,
    remember,
    stale_sources,
    write_cursor,
)
from orchestration.settings import Settings

STALE_SECONDS = 600
NOT_CONFIGURED = "no channel is configured; set PAYDOWN_SLACK_WEBHOOK or another"


def alert_sensors(
    settings: Settings, owners: Owners, environment: Mapping[str, str] = os.environ
) -> list[dg.SensorDefinition]:
    """All sensors that tell. They run wherever a channel is configured, else they are off."""
    on = dg.DefaultSensorStatus.RUNNING
    status = on if is_configured(environment) else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="run_failed",
        default_status=status,
        description="A run failed: says what, whose it is, and which sources are stale.",
    )
    def run_failed(context: dg.RunFailureSensorContext, alerts: Channels) -> dg.SkipReason | None:
        found = failures_of(context.instance, context.dagster_run.run_id, owners)
        return _tell_of_run(context, alerts, found, settings, owners)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="checks_failed",
        default_status=status,
        description="A run came to its end, but a check of severity ERROR failed in it.",
    )
    def checks_failed(context: dg.RunStatusSensorContext, alerts: Channels) -> dg.SkipReason | None:
        found = failures_of(context.instance, context.dagster_run.run_id, owners)
        found = [one for one in found if not one.is_of_source]
        if not found:
            return dg.SkipReason(
                "every check passed, or is of a source, which `stale_sources` tells"
            )
        return _tell_of_run(context, alerts, found, settings, owners)

    @dg.sensor(
        name="stale_sources",
        minimum_interval_seconds=STALE_SECONDS,
        default_status=status,
        description="A source went stale, or is fresh again; each is told once.",
    )
    def stale_sensor(context: dg.SensorEvaluationContext, alerts: Channels) -> dg.SensorResult:
        episodes = read_cursor(context.cursor)
        stale = stale_sources(settings, settings.now(), episodes)
        told = []
        for channel, alert, sources in list(stale_news(stale, episodes, alerts.names)):
            if problem := alerts.deliver(alert, [channel])[channel]:
                # Not remembered as told, so the next tick tries again.
                context.log.error(f"not told of {', '.join(sources)}: {problem}")
            else:
                remember(episodes, stale, channel, sources)
                told.append(f"{channel}: {alert.title}")
        reason = "; ".join(told) or ("nothing new" if alerts.names else NOT_CONFIGURED)
        return dg.SensorResult(skip_reason=reason, cursor=write_cursor(episodes))

    return [run_failed, checks_failed, stale_sensor]


def _tell_of_run(
    context: dg.RunStatusSensorContext,
    alerts: Channels,
    found: list[Failure],
    settings: Settings,
    owners: Owners,
) -> dg.SkipReason | None:
    if not alerts.names:
        return dg.SkipReason(NOT_CONFIGURED)
    before = run_before(context.instance, context.dagster_run)
    if found and before:
        known = failures_of(context.instance, before.run_id, owners)
        if not news(found, known):
            return dg.SkipReason("the same failed in the run before, and was told then")
    stale = [one.item() for one in stale_sources(settings, settings.now(), {})]
    _tell(context, alerts, failure_alert(found, stale, _link(context.dagster_run.run_id)))
    return None


def _tell(context: dg.RunStatusSensorContext, alerts: Channels, alert: Alert) -> None:
    for problem in alerts.deliver(alert).values():
        if problem:
            context.log.error(f"not told: {problem}")


def _link(run_id: str) -> str:
    """The run's page, where PAYDOWN_DAGSTER_URL says where Dagster's UI is."""
    url = os.environ.get("PAYDOWN_DAGSTER_URL", "").rstrip("/")
    return f"{url}/runs/{run_id}" if url.startswith(("http://", "https://")) else ""
