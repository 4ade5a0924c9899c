"""The thin Python of paydown: what SQL can't do, and nothing that it can."""
