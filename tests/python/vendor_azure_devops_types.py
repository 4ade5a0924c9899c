"""What an Azure DevOps organization on loopback knows of types and fields, and how it answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .loopback import Answer

ORGANIZATION = "acme"
PROJECT = "Modernization"
PROJECT_ID = "8a5f2c1e-0000-4000-8000-000000000001"
PAT = "pat-5f3a9c21e7"
PEOPLE = {"ana@example.com", "edge@example.com"}
JSON_PATCH = "application/json-patch+json"
Json = dict[str, Any]
NAMES = {"Custom.SLOBurn": "SLO Burn"}

KINDS = {
    "System.Title": "string", "System.Description": "html", "System.Tags": "plainText",
    "System.AreaPath": "treePath", "System.AssignedTo": "string", "System.State": "string",
    "System.History": "history", "Microsoft.VSTS.Common.Priority": "integer",
    "Microsoft.VSTS.Scheduling.Effort": "double",
    "Microsoft.VSTS.Scheduling.TargetDate": "dateTime",
    "Custom.Score": "integer", "Custom.SLOBurn": "double", "Custom.Budget": "double",
    "Custom.Maturity": "string", "Custom.Risk": "string", "Custom.CostCentre": "string",
}  # fmt: skip
# What every work item has besides, for those who read it; a process may lack other usual ones.
READ_ONLY = {
    "System.Id": "integer", "System.Rev": "integer", "System.WorkItemType": "string",
    "System.TeamProject": "string", "System.Parent": "integer", "System.CreatedDate": "dateTime",
    "System.ChangedDate": "dateTime", "System.CommentCount": "integer",
    "Microsoft.VSTS.Common.ClosedDate": "dateTime",
    "Microsoft.VSTS.Common.StateChangeDate": "dateTime",
}  # fmt: skip
# People as they are shown, who may be named by their address as well.
SUGGESTED = {"System.AssignedTo": ["Ana", "Edge team"]}
INVALID = "hasValues, limitedToValues, invalidListValue"
STATES = {"New": "Proposed", "Active": "InProgress", "Closed": "Completed", "Removed": "Removed"}


@dataclass
class Type:
    """A work item type; `required` fields have no default."""

    fields: list[str] = field(default_factory=lambda: list(KINDS))
    states: dict[str, str] = field(default_factory=lambda: dict(STATES))
    ways: dict[str, list[str]] | None = None
    required: set[str] = field(default_factory=lambda: {"System.Title"})
    allowed: dict[str, list[str]] = field(default_factory=dict)

    def shown(self) -> Json:
        return {"states": [{"name": one, "category": what} for one, what in self.states.items()]}


def values(items: Iterable[Any]) -> Answer:
    listed = list(items)
    return Answer({"count": len(listed), "value": listed})


class RefusalError(Exception):
    """Ends a request with this answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def refuse(status: int, kind: str, message: str, properties: Json | None = None) -> NoReturn:
    said = {"message": message, "typeKey": kind, "customProperties": properties}
    raise RefusalError(Answer(said, status))


def refuse_rules(rules: Mapping[str, str]) -> NoReturn:
    """Flags by the field whose rule is broken."""
    errors = [
        {
            "fieldReferenceName": name,
            "fieldStatusFlags": flags,
            "errorMessage": f"TF401320: Rule Error for field {name}. Error code: {flags}.",
        }
        for name, flags in rules.items()
    ]
    said = {"FieldReferenceName": None, "RuleValidationErrors": errors}
    refuse(400, "RuleValidationException", errors[0]["errorMessage"], said)
