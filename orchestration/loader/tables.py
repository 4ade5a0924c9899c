"""The Arrow schemas of what the loader writes."""

from __future__ import annotations

import pyarrow as pa

from orchestration.loader.contract import Contract

ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}

# One row per file, stream and load.
LOADS = pa.schema(
    [
        ("_load_id", pa.string()),
        ("source", pa.string()),
        ("stream", pa.string()),
        ("file", pa.string()),
        ("sha256", pa.string()),
        ("size_bytes", pa.int64()),
        ("status", pa.string()),
        ("records", pa.int64()),
        ("rows_loaded", pa.int64()),
        ("rows_quarantined", pa.int64()),
        ("problem", pa.string()),
        ("contract", pa.string()),
        ("_loaded_at", pa.timestamp("us")),
    ]
)

# What a raw row takes from its load, by the file's number within a batch.
LANDED = pa.schema(
    [
        ("file_number", pa.int32()),
        ("_load_id", pa.string()),
        ("file", pa.string()),
        ("_loaded_at", pa.timestamp("us")),
    ]
)

# One row per record that was set aside.
QUARANTINE = pa.schema(
    [
        ("_load_id", pa.string()),
        ("source", pa.string()),
        ("stream", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("field", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("text", pa.string()),
        ("_loaded_at", pa.timestamp("us")),
    ]
)


def raw_schema(contract: Contract) -> pa.Schema:
    """The columns of the contract, then where the row came from and the record itself."""
    columns = [(c.name, ARROW_TYPES[c.data_type]) for c in contract.columns]
    return pa.schema(
        [
            *columns,
            ("_load_id", pa.string()),
            ("_source_file", pa.string()),
            ("_line", pa.int64()),
            ("_loaded_at", pa.timestamp("us")),
            ("_payload", pa.string()),
        ]
    )


def quarantine(contract: Contract, rows: pa.Table) -> pa.Table:
    """The rows of `QUARANTINE`, by file and line, from those that a projection found bad."""
    rows = rows.sort_by([("_source_file", "ascending"), ("_line", "ascending")])
    columns = {
        "source": pa.repeat(contract.source, rows.num_rows),
        "stream": pa.repeat(contract.stream, rows.num_rows),
        "file": rows["_source_file"],
        "text": rows["_payload"],
        "_load_id": rows["_load_id"],
        "_loaded_at": rows["_loaded_at"],
        **{name: rows[f"_{name}"] for name in ("line", "field", "value", "reason")},
    }
    return pa.table([columns[name] for name in QUARANTINE.names], QUARANTINE.names).cast(QUARANTINE)
