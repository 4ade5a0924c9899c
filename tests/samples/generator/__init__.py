"""The generator behind `tests/samples/landing`: tables in YAML, one builder a vendor."""
