"""What people meet over: the page, from the published marts and nothing else."""
