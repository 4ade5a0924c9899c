"""Epics read back from trackers."""
