"""Candidates become epics, exactly once, and stay true: all but the tracker.

`reconcile` records before the load what people did in the tracker; dbt decides; `publisher` acts:
`opening` and `changing` claim, send and record, `report` says what became of each row.
`content` and `playbooks` are what an epic says.
"""
