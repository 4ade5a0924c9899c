"""Candidates become epics, exactly once, and stay true: all but the tracker.

`refresh` records before the load what people did in the tracker; dbt decides; `publisher` acts:
`opening` and `changing` claim, send and record, `report` says what became of each row.
`content`, `stories` and `playbooks` are what an epic says. `reconcile` repairs the ledger.
"""
