"""Publishers: they hand the marts to people."""
