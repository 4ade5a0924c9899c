"""The ledger: what paydown intended to do in other systems, and the outcomes."""

from orchestration.ledger.export import export_epics
from orchestration.ledger.models import (
    Claim,
    EpicRecord,
    EpicState,
    Evidence,
    LedgerEvent,
    Writer,
)
from orchestration.ledger.store import Ledger

__all__ = [
    "Claim",
    "EpicRecord",
    "EpicState",
    "Evidence",
    "Ledger",
    "LedgerEvent",
    "Writer",
    "export_epics",
]
