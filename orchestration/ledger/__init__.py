"""The ledger: what paydown meant to do in other systems, and what came of it."""

from orchestration.ledger.claims import Claim, Intent, Writer
from orchestration.ledger.export import export_epics
from orchestration.ledger.models import EpicRecord, EpicState, Evidence, LedgerEvent
from orchestration.ledger.store import Ledger

__all__ = [
    "Claim",
    "EpicRecord",
    "EpicState",
    "Evidence",
    "Intent",
    "Ledger",
    "LedgerEvent",
    "Writer",
    "export_epics",
]
