"""Postmortems: the structured fields that both templates state, and how a file is read into them.

Front matter states the fields by name, bullets state them in words; the model accepts both, with
the same record and the same errors. The JSON Schema is published for editors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from orchestration.documents import phrases
from orchestration.documents.bullets import read_bullets
from orchestration.documents.models import slug, validate
from orchestration.documents.outline import sections
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
from orchestration.documents.strict import (
    Amount,
    Day,
    MaturityLevel,
    Number,
    Strict,
    invalid,
    short_text,
    unique,
)
from orchestration.documents.text import Chunk, split_front_matter
from orchestration.documents.words import is_blank, split, term_type
from orchestration.documents.yaml_lines import parse_mapping

Item = TypeVar("Item")
_LESSONS = re.compile(
    r"(?:[\d.]+ )?(?:key )?(?:lessons?(?: learn(?:ed|t))?|(?:what )?we learn(?:ed|t))", re.I
)
_MOST_LESSONS = 20


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return split(value, ",;")
    return value if isinstance(value, list) else [value]


def _one_or_more(schema: dict[str, Any]) -> None:
    listed = dict(schema)
    schema.clear()
    schema["anyOf"] = [listed, listed["items"], {"type": "null"}]


def _ratio(value: float) -> float:
    """99.9 and 0.999 both mean 0.999."""
    return round(value / 100, 9) if value > 1 else value


def _as_factor(value: Any) -> Any:
    return {"factor": value} if isinstance(value, str) else value


def _from_words(read: Callable[[Any], Any]) -> BeforeValidator:
    """Text in place of the value is read like a bullet."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


Text = Annotated[str, short_text(4_000)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Target = Annotated[Number, Field(gt=0, le=100), AfterValidator(_ratio)]
EngineerDays = Annotated[Number, Field(ge=0, le=10_000), _from_words(phrases.engineer_days)]
BurnRate = Annotated[Number, Field(ge=0, le=1e6)]
Maturity = Annotated[MaturityLevel, _from_words(slug)]
# One entry needs no brackets; text is split at commas and semicolons.
Entries = Annotated[
    list[Item],
    Field(max_length=500, default_factory=list, json_schema_extra=_one_or_more),
    AfterValidator(unique),
    BeforeValidator(_listed),
]
FailureMode: Any = term_type("failure_mode")
SloType: Any = term_type("slo_type")
ContributingFactor: Any = term_type("contributing_factor")
FixClass: Any = term_type("fix_class")
RequiredWindow: Any = term_type("required_window")
DecisionAction: Any = term_type("decision")
Regulation: Any = term_type("regulation")


class Slo(Strict):
    """A service-level objective that the incident broke; `target` is 99.9 or 0.999."""

    name: Text | None = None
    type: SloType | None = None
    target: Target | None = None
    burn_rate: BurnRate | None = None
    chart_url: WebAddress | None = None


class Impact(Strict):
    """Blast radius, and when it began. What was not measured is left out: it is not 0."""

    started_at: Moment | None = None
    users_percent: Percent | None = None
    revenue_usd: Amount | None = None
    regulatory: Entries[Regulation]


class Factor(Strict):
    """What contributed to it; `note` has the team's own words."""

    factor: ContributingFactor
    note: Text | None = None


AnyFactor = Annotated[
    Factor, BeforeValidator(_as_factor, json_schema_input_type=Factor | ContributingFactor)
]


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
    declined_reason: Text | None = None
    declined_on: Day | None = None


class Postmortem(Strict):
    """Structured fields of one postmortem; a missing or empty key means not known."""

    incident: Entries[IncidentRef]
    title: Text | None = None
    services: Entries[ServiceName]
    causal_service: ServiceName | None = None
    failure_mode: FailureMode | None = None
    slos: Annotated[Entries[Slo], _from_words(phrases.slos)]
    impact: Annotated[Impact, _from_words(phrases.impact)] | None = None
    contributing_factors: Annotated[Entries[AnyFactor], _from_words(phrases.contributing_factors)]
    fix_classes: Annotated[Entries[FixClass], _from_words(phrases.fix_classes)]
    estimate_days: EngineerDays | None = None
    required_window: RequiredWindow | None = None
    ai_generated_code: Annotated[AiCode, _from_words(phrases.ai_code)] | None = None
    commits: Entries[CommitRef]
    owner: Owner | None = None
    decision: Annotated[Decision, _from_words(phrases.decision)] | None = None
    risk_ids: Entries[TicketRef]
    review_date: Day | None = None
    status: Text | None = None
    completed_at: Moment | None = None
    action_items: Annotated[Entries[ActionItem], _from_words(phrases.action_items)]
    lessons: Annotated[Entries[Text], _from_words(lambda text: split(text, ";"))]

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if not (self.incident or self.services or self.causal_service):
            raise invalid(
                "names neither an incident nor a service, so it can't be linked to anything",
                "name at least one of them",
            )
        return self


class Bullets(Postmortem):
    """A postmortem whose objectives and impact are spread over several bullets."""

    burn_rate: Annotated[Entries[tuple[SloType | None, BurnRate]], _from_words(phrases.burn_rates)]
    chart_url: Annotated[Entries[tuple[SloType | None, WebAddress]], _from_words(phrases.charts)]
    impact_started_at: Moment | None = None
    regulatory: Annotated[Entries[Regulation], _from_words(phrases.regulations)]

    @model_validator(mode="before")
    @classmethod
    def _ai_code_of_factors(cls, stated: dict[str, str]) -> dict[str, Any]:
        factors = stated.get("contributing_factors", "")
        return {"ai_generated_code": phrases.ai_code_of_factors(factors), **stated}

    def record(self) -> dict[str, Any]:
        stated = super().record()
        rates, charts = stated.pop("burn_rate"), stated.pop("chart_url")
        phrases.add_to_slos(stated["slos"], "burn_rate", rates)
        phrases.add_to_slos(stated["slos"], "chart_url", charts)
        stated["slos"] = [Slo().record() | slo for slo in stated["slos"]]
        began, regulatory = stated.pop("impact_started_at"), stated.pop("regulatory")
        if self.model_fields_set & {"impact_started_at", "regulatory"}:
            impact = stated["impact"] or Impact().record()
            regulatory = unique([*impact["regulatory"], *regulatory])
            stated["impact"] = impact | {"started_at": began, "regulatory": regulatory}
        return stated


def ignored_keys(stated: dict[str, Any]) -> list[str]:
    """Keys of front matter that are neither fields nor misspelt fields: those of other tools."""
    fields = list(Postmortem.model_fields)
    return [key for key in stated if not get_close_matches(key.lower(), fields, n=1, cutoff=0.8)]


def _lessons(text: str) -> list[str]:
    """The text below a heading such as "What we learned", for files that list no lessons."""
    learned = [part for part in sections(text) if _LESSONS.fullmatch(part.title)]
    lines = [line[:500] for part in learned for line in part.lines if not is_blank(line)]
    return unique(lines)[:_MOST_LESSONS]


def _records(path: Path, chunk: Chunk) -> Iterator[tuple[int, dict[str, Any]]]:
    """The fields as stated, the file's stem as id, and the template that it follows."""
    try:
        names = {"postmortem_id": service_name(path.stem), "template": "bullets"}
    except PydanticCustomError as error:
        what, fix = "names the postmortem and has characters that it can't", "rename the file"
        raise DocumentError(Problem(1, "file", path.stem, what, fix)) from error
    prose = chunk.text
    if chunk.text.lstrip().split("\n", 1)[0].rstrip() == "---":
        header, rest = split_front_matter(chunk.text)
        document, problems, prose = parse_mapping(header), [], rest.text
        ignored = [(key, document.value.pop(key)) for key in ignored_keys(document.value)]
        names["template"], model = "front_matter", Postmortem
    else:
        (document, problems), model, ignored = read_bullets(chunk.text), Bullets, []
    try:
        record = validate(document, model).record()
    except DocumentError as error:
        raise DocumentError(*problems, *error.problems) from None
    if problems:
        raise DocumentError(*problems)
    if ignored:
        record["ignored_keys"] = [key for key, _ in ignored]
    record["lessons"] = record["lessons"] or _lessons(prose)
    rates = [slo["burn_rate"] for slo in record["slos"] if slo["burn_rate"] is not None]
    yield 1, names | record | {"max_burn_rate": max(rates, default=None)}


_read = reader(_records)


def read_postmortem(path: Path) -> Iterator[Line]:
    """The file's record, or one problem that lists everything wrong with it.

    Templates and README.md are not postmortems and yield nothing.
    """
    name = path.name.upper()
    return iter(()) if name.startswith("TEMPLATE") or name == "README.MD" else _read(path)
