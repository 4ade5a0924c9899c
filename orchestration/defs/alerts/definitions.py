"""Alerts about failed steps, failed checks and stale sources, by Slack, Teams and mail."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from orchestration.alerts.channels import CHANNELS, VARIABLES, Channels
from orchestration.alerts.problems import EVENTS, State
from orchestration.components.resources import Workspace, from_variables
from orchestration.freshness import freshness

RUNS_A_TICK = 20
NOT_CONFIGURED = "no channel is configured; set PAYDOWN_SLACK_WEBHOOK or another"
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@dg.definitions
def alerts() -> dg.Definitions:
    """The sensor; it runs if a channel is configured, else it is off."""
    is_configured = any(os.environ.get(VARIABLES[field]) for field in CHANNELS)
    channels = Channels(**from_variables(VARIABLES))
    return dg.Definitions(sensors=[alert_sensor(is_configured)], resources={"alerts": channels})


def alert_sensor(is_configured: bool) -> dg.SensorDefinition:
    """Watches finished runs and sources; sends each problem once, and its end once.

    What could not be delivered is not remembered as sent, so that the next tick tries again.
    """

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if is_configured else dg.DefaultSensorStatus.STOPPED
        ),
        description="Reports what failed or went stale, with its owner, and when it is resolved.",
    )
    def alerts(
        context: dg.SensorEvaluationContext, alerts: Channels, workspace: Workspace
    ) -> dg.SensorResult:
        if not alerts.senders:
            return dg.SensorResult(skip_reason=NOT_CONFIGURED)
        settings = workspace.settings()
        state = State.read(context.cursor, time.time())
        _observe_runs(context, state)
        sources = freshness(settings)
        problems = state.problems(sources, settings.now())
        outcomes = []
        for channel in alerts.senders:
            for alert in list(state.unsent(problems, channel, sources)):
                if failure := alerts.deliver(channel, replace(alert, link=alerts.link)):
                    context.log.error(f"not delivered: {failure}")
                else:
                    state.remember(channel, alert)
                outcomes.append(failure or f"{channel}: {alert.title}")
        return dg.SensorResult(
            skip_reason="; ".join(outcomes) or "nothing new", cursor=state.write()
        )

    return alerts


def _observe_runs(context: dg.SensorEvaluationContext, state: State) -> None:
    """Note what failed and what passed again in the runs that ended since the last tick."""
    since = datetime.fromtimestamp(state.seen_until, UTC)
    records = context.instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=since),
        limit=RUNS_A_TICK,
        order_by="update_timestamp",
        ascending=True,
    )
    owners = owners_by_name(context.repository_def) if context.repository_def else {}
    for record in records:
        found = context.instance.get_records_for_run(record.dagster_run.run_id, of_type=EVENTS)
        events = (one.event_log_entry.dagster_event for one in found.records)
        state.observe(record.dagster_run, filter(None, events), owners)
        state.seen_until = record.update_timestamp.timestamp()


def owners_by_name(repository: dg.RepositoryDefinition) -> dict[str, str]:
    """Who owns each asset and step, by name; a step belongs to the owner of its first asset."""
    owners: dict[str, str] = {}
    for definition in repository.assets_defs_by_key.values():
        step = [definition.op.name] if definition.is_executable else []
        for spec in definition.specs:
            for name in (spec.key.to_user_string(), *step):
                owners.setdefault(name, ", ".join(spec.owners).replace("team:", ""))
    return owners
