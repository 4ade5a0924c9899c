"""Turns candidates into epics, exactly once, and keeps them up to date; without the trackers.

`reconcile` records before the load what people did in the tracker; dbt decides; `publisher` acts:
`opening` and `changing` claim, send and record, `report` has the outcome of each row. `content` and
`playbooks` write the texts.
"""
