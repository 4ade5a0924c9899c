"""`modernization/sources.yaml`: the live systems, who owns each, how fresh it must be.

The environment switches sources on (`PAYDOWN_SOURCES=pagerduty,prometheus`), so that the same file
serves a laptop and production. Secrets are in the environment, never in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestration.documents.strict import Strict
from orchestration.vendors.azure_devops import AzureDevOpsSourceConfig
from orchestration.vendors.backstage import BackstageConfig
from orchestration.vendors.base import SourceConfig
from orchestration.vendors.datadog import DatadogConfig
from orchestration.vendors.decisions.extractor import DecisionsConfig
from orchestration.vendors.git.settings import GitConfig
from orchestration.vendors.jira import JiraSourceConfig
from orchestration.vendors.opsgenie.extractor import OpsgenieConfig
from orchestration.vendors.pagerduty.extractor import PagerDutyConfig
from orchestration.vendors.prometheus import PrometheusConfig
from orchestration.vendors.servicenow.settings import ServiceNowConfig


class Sources(Strict):
    """Every live source, with defaults for those not in the file."""

    azure_devops: AzureDevOpsSourceConfig = AzureDevOpsSourceConfig()
    backstage: BackstageConfig = BackstageConfig()
    datadog: DatadogConfig = DatadogConfig()
    decisions: DecisionsConfig = DecisionsConfig()
    git: GitConfig = GitConfig()
    jira: JiraSourceConfig = JiraSourceConfig()
    opsgenie: OpsgenieConfig = OpsgenieConfig()
    pagerduty: PagerDutyConfig = PagerDutyConfig()
    prometheus: PrometheusConfig = PrometheusConfig()
    servicenow: ServiceNowConfig = ServiceNowConfig()

    def enabled(self, names: tuple[str, ...]) -> Iterator[tuple[str, SourceConfig]]:
        """The sources of these names, in this order; `SOURCE_NAMES` has all."""
        for name in names:
            yield name, getattr(self, name)

    def record(self) -> dict[str, Any]:
        """One record for the warehouse: what alerts and reconciliation need of every source."""
        return {
            "sources": [
                {
                    "source": name,
                    "owner": config.owner,
                    "fresh_within_hours": config.fresh_within_hours,
                }
                for name, config in self.enabled(tuple(type(self).model_fields))
            ]
        }
