"""What people discuss in meetings: the page, from nothing but the published marts."""
