"""`modernization/maturity.yaml`: what bronze, silver and gold ask of a service, and what shows it.

A criterion is its text, or a mapping that also says which evidence shows that a service meets it.
The texts in `seeds/criterion_evidence.csv` have evidence without saying so; any other text without
evidence can't be judged, and the marts say that instead of guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from orchestration.documents.strict import Days, MaturityLevel, Strict, fault, once

Check = Literal["slo", "alerting", "no_untested_ai_code"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
AnnotationKey = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=317)
]
Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=63)
]


class Evidence(Strict):
    """One thing that must be found: an annotation or tag of the catalog, or what paydown checks.

    `within_days` makes the annotation a date that may be no older, and sets the window of
    `no_untested_ai_code`, which is the rubric's `window_days` without it.
    """

    annotation: AnnotationKey | None = None
    tag: Tag | None = None
    check: Check | None = None
    within_days: Days | None = None

    @model_validator(mode="after")
    def _name_one(self) -> Self:
        if sum(named is not None for named in (self.annotation, self.tag, self.check)) != 1:
            raise fault(
                "must name one thing", "write one of annotation, tag and check, the others apart"
            )
        if self.within_days is not None and not (
            self.annotation or self.check == "no_untested_ai_code"
        ):
            raise fault(
                "has no date",
                "remove it; only an annotation and no_untested_ai_code can be too old",
                at=["within_days"],
            )
        return self


def _as_criterion(value: object) -> object:
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, (Mapping, Criterion)):
        raise fault(
            "is not a criterion", "write text, in quotes if it looks like a number, or text: below"
        )
    return value


class Criterion(Strict):
    """What must be true of a service; every piece of evidence must be found."""

    text: Text
    evidence: Annotated[list[Evidence], Field(min_length=1, max_length=20)] | None = None


AnyCriterion = Annotated[
    Criterion, BeforeValidator(_as_criterion, json_schema_input_type=Text | Criterion)
]


def _each_text_once(criteria: list[Criterion]) -> list[Criterion]:
    once([criterion.text for criterion in criteria])
    return criteria


class Maturity(Strict):
    """Criteria per level; a service has a level when it meets it and all below."""

    levels: Annotated[
        dict[
            MaturityLevel,
            Annotated[list[AnyCriterion], Field(min_length=1), AfterValidator(_each_text_once)],
        ],
        Field(min_length=1),
    ]

    def record(self) -> dict[str, Any]:
        """`criteria`, and the `evidence` that they state, flat, one entry each.

        Levels count from 1 (bronze), criteria and evidence from 1 in the order of the file.
        """
        criteria: list[dict[str, Any]] = [
            {
                "level": level,
                "level_ordinal": ordinal,
                "criterion_ordinal": place,
                **criterion.model_dump(),
            }
            for ordinal, level in enumerate(get_args(MaturityLevel), start=1)
            for place, criterion in enumerate(self.levels.get(level, []), start=1)
        ]
        return {
            "criteria": criteria,
            "evidence": [
                {**criterion, **evidence, "ordinal": place}
                for criterion in criteria
                for place, evidence in enumerate(criterion["evidence"] or [], start=1)
            ],
        }
