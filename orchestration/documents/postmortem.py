"""Postmortems: the structured fields that both templates state, and how a file is read into them.

YAML front matter states the fields by name; bullets are read into the same model, so both templates
give the same record and the same errors. The JSON Schema is published for editors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from orchestration.documents.bullets import read_bullets
from orchestration.documents.models import slug, validate
from orchestration.documents.problems import DocumentError, Line, Problem
from orchestration.documents.readers import reader
from orchestration.documents.references import (
    CommitRef,
    IncidentRef,
    Moment,
    Owner,
    ServiceName,
    TicketRef,
    WebAddress,
    service_name,
)
from orchestration.documents.strict import Amount, Day, MaturityLevel, Number, Strict, fault, unique
from orchestration.documents.text import Chunk, split_front_matter
from orchestration.documents.words import term_type
from orchestration.documents.yaml_lines import parse_mapping

Item = TypeVar("Item")

MAX_ITEMS = 500


class _OneOrMore:
    """One entry of a list needs no brackets, and nothing is an empty list."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        listed = handler(schema)
        return {"anyOf": [listed, listed["items"], {"type": "null"}]}

    @staticmethod
    def _listed(value: Any) -> Any:
        return value if isinstance(value, list) else [] if value is None else [value]


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _ratio(value: float) -> float:
    """99.9 and 0.999 both mean 0.999."""
    return round(value / 100, 9) if value > 1 else value


def _as_factor(value: Any) -> Any:
    return {"factor": value} if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Target = Annotated[Number, Field(gt=0, le=100), AfterValidator(_ratio)]
EngineerDays = Annotated[Number, Field(ge=0, le=10_000)]
BurnRate = Annotated[Number, Field(ge=0, le=1e6)]
Maturity = Annotated[MaturityLevel, BeforeValidator(slug)]
Entries = Annotated[
    list[Item],
    Field(max_length=MAX_ITEMS, default_factory=list),
    AfterValidator(unique),
    _OneOrMore(),
]
FailureMode: Any = term_type("failure_mode")
SloType: Any = term_type("slo_type")
ContributingFactor: Any = term_type("contributing_factor")
FixClass: Any = term_type("fix_class")
RequiredWindow: Any = term_type("required_window")
DecisionAction: Any = term_type("decision")
Regulation: Any = term_type("regulation", spelled=_upper)


class Slo(Strict):
    """A service-level objective that the incident broke; `target` is 99.9 or 0.999."""

    name: Text | None = None
    type: SloType | None = None
    target: Target | None = None
    burn_rate: BurnRate | None = None
    chart_url: WebAddress | None = None


class Impact(Strict):
    """Blast radius, and when it began. What nobody measured is left out: it is not 0."""

    started_at: Moment | None = None
    users_percent: Percent | None = None
    revenue_usd: Amount | None = None
    regulatory: Entries[Regulation]


class Factor(Strict):
    """What let it happen; `note` says it in the team's own words."""

    factor: ContributingFactor
    note: Text | None = None


class AiCode(Strict):
    """Whether AI-generated code took part, and whether it had tests."""

    present: bool | None = None
    has_tests: bool | None = None


class Decision(Strict):
    """What the weekly review decided."""

    action: DecisionAction | None = None
    epic: TicketRef | None = None
    target_maturity: Maturity | None = None


class ActionItem(Strict):
    title: Text
    owner: Owner | None = None
    due_date: Day | None = None
    ref: TicketRef | None = None


class Postmortem(Strict):
    """Structured fields of one postmortem; a key left out or empty means not known."""

    incident: Entries[IncidentRef]
    title: Text | None = None
    services: Entries[ServiceName]
    causal_service: ServiceName | None = None
    failure_mode: FailureMode | None = None
    slos: Entries[Slo]
    impact: Impact | None = None
    contributing_factors: Entries[
        Annotated[
            Factor,
            BeforeValidator(_as_factor, json_schema_input_type=Factor | ContributingFactor),
        ]
    ]
    fix_classes: Entries[FixClass]
    estimate_days: EngineerDays | None = None
    required_window: RequiredWindow | None = None
    ai_generated_code: AiCode | None = None
    commits: Entries[CommitRef]
    owner: Owner | None = None
    decision: Decision | None = None
    risk_ids: Entries[TicketRef]
    review_date: Day | None = None
    completed_at: Moment | None = None
    action_items: Entries[ActionItem]

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if not (self.incident or self.services or self.causal_service):
            raise fault(
                "names neither an incident nor a service, so it can't be linked to anything",
                "name at least one of them",
            )
        return self


def _record(path: Path, chunk: Chunk) -> dict[str, Any]:
    """The fields as they are stated, the file's stem as id, and which template it follows."""
    try:
        postmortem_id = service_name(path.stem)
    except PydanticCustomError as error:
        what, fix = "names the postmortem and holds characters it can't", "rename the file"
        raise DocumentError(Problem(1, "file", path.stem, what, fix)) from error
    is_yaml = chunk.text.lstrip().split("\n", 1)[0].rstrip() == "---"
    if is_yaml:
        document, problems = parse_mapping(split_front_matter(chunk.text)[0]), []
    else:
        document, problems = read_bullets(chunk.text)
    try:
        postmortem = validate(document, Postmortem)
    except DocumentError as error:
        raise DocumentError(*problems, *error.problems) from None
    if problems:
        raise DocumentError(*problems)
    return {
        "postmortem_id": postmortem_id,
        "template": "front_matter" if is_yaml else "bullets",
        **postmortem.record(),
        "max_burn_rate": max(
            (slo.burn_rate for slo in postmortem.slos if slo.burn_rate is not None), default=None
        ),
    }


_read = reader(_record)


def read_postmortem(path: Path) -> Iterator[Line]:
    """The file's record, or one problem with everything that is wrong with it.

    Templates and README.md are not postmortems and yield nothing.
    """
    name = path.name.upper()
    return iter(()) if name.startswith("TEMPLATE") or name == "README.MD" else _read(path)
