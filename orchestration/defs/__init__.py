"""Dagster's definitions, a folder for each integration; loaded by `orchestration.definitions`."""
