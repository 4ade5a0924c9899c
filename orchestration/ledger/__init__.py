"""The ledger: what paydown meant to do to other systems, and what came of it."""

from orchestration.ledger.claims import Claim, Hold, Intent
from orchestration.ledger.export import export_epics
from orchestration.ledger.models import EpicRecord, EpicState, Evidence, Figures, LedgerEvent, Told
from orchestration.ledger.store import Ledger

__all__ = [
    "Claim",
    "EpicRecord",
    "EpicState",
    "Evidence",
    "Figures",
    "Hold",
    "Intent",
    "Ledger",
    "LedgerEvent",
    "Told",
    "export_epics",
]
