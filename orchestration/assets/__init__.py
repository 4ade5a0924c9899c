"""The asset graph: ingest, then what dbt transforms, then what is published."""
