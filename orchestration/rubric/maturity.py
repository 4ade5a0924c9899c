"""`modernization/maturity.yaml`: what bronze, silver and gold ask of a service, and what shows it.

A criterion is its text, or a mapping that also states which evidence shows that a service meets it.
The texts in `seeds/criterion_evidence.csv` have implicit evidence; any other text without evidence
can't be judged, and the marts say so instead of guessing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from orchestration.documents.strict import Days, MaturityLevel, Strict, invalid, once, short_text

Text = Annotated[str, short_text(500)]


class Evidence(Strict):
    """One thing that must be found: an annotation or tag of the catalog, or what paydown checks.

    `within_days` makes the annotation a date that may not be older, and sets the window of
    `no_untested_ai_code`, by default the rubric's `window_days`.
    """

    annotation: Annotated[str, short_text(317)] | None = None
    tag: Annotated[str, short_text(63), StringConstraints(to_lower=True)] | None = None
    check: Literal["slo", "alerting", "no_untested_ai_code"] | None = None
    within_days: Days | None = None

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if [self.annotation, self.tag, self.check].count(None) != 2:
            fix = "write one of annotation, tag and check, the others as further items"
            raise invalid("must name one thing", fix)
        has_date = self.annotation or self.check == "no_untested_ai_code"
        if self.within_days is not None and not has_date:
            fix = "remove it; only an annotation and no_untested_ai_code can be too old"
            raise invalid("has no date", fix, at=["within_days"])
        return self


class Criterion(Strict):
    """What must be true of a service; every piece of evidence must be found."""

    text: Text
    evidence: Annotated[list[Evidence], Field(min_length=1, max_length=20)] | None = None


def _as_criterion(value: object) -> object:
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, dict | Criterion):
        fix = "write text, in quotes if it looks like a number, or text: below"
        raise invalid("is not a criterion", fix)
    return value


AnyCriterion = Annotated[
    Criterion, BeforeValidator(_as_criterion, json_schema_input_type=Text | Criterion)
]
Criteria = Annotated[
    list[AnyCriterion], Field(min_length=1), once(lambda criterion: criterion.text)
]


class Maturity(Strict):
    """Criteria per level; a service has a level if it meets it and all lower ones."""

    levels: Annotated[dict[MaturityLevel, Criteria], Field(min_length=1)]

    def record(self) -> dict[str, Any]:
        """`criteria`, and the `evidence` that they state, as flat lists.

        Levels count from 1 (bronze), criteria and evidence from 1 in the order of the file.
        """
        criteria: list[dict[str, Any]] = [
            {"level": level, "level_ordinal": ordinal, "criterion_ordinal": place}
            | criterion.model_dump()
            for ordinal, level in enumerate(get_args(MaturityLevel), start=1)
            for place, criterion in enumerate(self.levels.get(level, []), start=1)
        ]
        evidence = [
            criterion | one | {"ordinal": place}
            for criterion in criteria
            for place, one in enumerate(criterion["evidence"] or [], start=1)
        ]
        return {"criteria": criteria, "evidence": evidence}
