"""Rows above the promotion band become epics, exactly once, and stay true: all but the tracker.

`publisher` is the way in: `state` learns what ledger and tracker know, `plan` and `wip` decide,
`executor` acts (`opener`, `stories`, `changes`, `closing`) or `rehearsal` only tells, and `report`
says what became of each row. `content` is what an epic says.
"""
