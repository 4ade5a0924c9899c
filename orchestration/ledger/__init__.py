"""The ledger: what paydown meant to do in other systems, and what came of it."""

from orchestration.ledger.export import export_epics
from orchestration.ledger.models import EpicRecord, EpicState, Evidence, LedgerEvent
from orchestration.ledger.store import Ledger
from orchestration.ledger.writer import Claim, Writer

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
