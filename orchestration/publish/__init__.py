"""Publishers: they read marts and act on other systems, always through the ledger."""
