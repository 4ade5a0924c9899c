"""Opsgenie: alerts, incidents and what belongs to them."""
