"""Trackers that hold epics, behind the one protocol of `orchestration.trackers.protocol`."""
