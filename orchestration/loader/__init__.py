"""The only way in: files in the landing folder become append-only raw tables.

A dbt source is the contract (`contract`), DuckDB reads (`read`) and projects (`project`) the
file, and dlt appends the Arrow batches to the warehouse (`load`). No Python runs per row.
"""

from orchestration.loader.contract import Contract, ContractError, contracts_from_manifest
from orchestration.loader.load import load_landing
from orchestration.loader.report import LoadReport

__all__ = ["Contract", "ContractError", "LoadReport", "contracts_from_manifest", "load_landing"]
