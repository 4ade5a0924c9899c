"""What people agree on by pull request: how services are scored, matured and staffed.

Pure models without any file access, so that a schema, a test or a preview can use them alone;
`orchestration.documents.models.load_model` reads a file into one.
"""

from orchestration.rubric.calendar import Calendar
from orchestration.rubric.capacity import Capacity
from orchestration.rubric.maturity import Maturity
from orchestration.rubric.scoring import Scoring
from orchestration.rubric.shared_fixes import SharedFixes
from orchestration.rubric.targets import Targets

__all__ = ["Calendar", "Capacity", "Maturity", "Scoring", "SharedFixes", "Targets"]
