"""Opsgenie: alerts, incidents and what belongs to them."""

from orchestration.vendors.opsgenie.extractor import HOSTS, Opsgenie, OpsgenieConfig

__all__ = ["HOSTS", "Opsgenie", "OpsgenieConfig"]
