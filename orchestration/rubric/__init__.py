"""What people agree on by pull request: how services are scored, how mature and how staffed.

Pure models without any file access; `orchestration.documents.load_model` reads a file into one.
"""

from orchestration.rubric.maturity import Maturity
from orchestration.rubric.scoring import Scoring
from orchestration.rubric.teams import Calendar, Capacity
from orchestration.rubric.work import ReviewDecision, ReviewDecisions, SharedFixes, Targets

__all__ = [
    "Calendar",
    "Capacity",
    "Maturity",
    "ReviewDecision",
    "ReviewDecisions",
    "Scoring",
    "SharedFixes",
    "Targets",
]
