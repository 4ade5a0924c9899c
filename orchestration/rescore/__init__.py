"""Score again: past days as they were known, or the newest one with another rubric."""
