"""What epics, stories and their changes say, as blocks that each tracker renders its own way."""
