"""`modernization/maturity.yaml`: what bronze, silver and gold ask of a service, and what shows it.

A criterion is its text, or a mapping that also says which evidence shows that a service meets it.
The texts in `DEFAULT_EVIDENCE` have evidence without saying so; any other text without evidence
can't be judged, and the marts say that instead of guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from orchestration.rubric.strict import Days, MaturityLevel, Strict, fault

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

    def record(self) -> dict[str, Any]:
        """`kind` is annotation, tag or the name of the check; `key` is null for a check."""
        kind = self.check or ("annotation" if self.annotation else "tag")
        return {"kind": kind, "key": self.annotation or self.tag, "within_days": self.within_days}


DEFAULT_EVIDENCE: dict[str, list[Evidence]] = {
    "SLOs defined and alerting wired to PagerDuty": [
        Evidence(check="slo"),
        Evidence(check="alerting"),
    ],
    "Dashboards in Grafana with RED/USE metrics": [Evidence(annotation="grafana/dashboard-url")],
    "Canary deployment via ArgoCD + feature flags": [
        Evidence(annotation="paydown/canary"),
        Evidence(annotation="paydown/feature-flags"),
    ],
    "Circuit breakers + timeouts configured (Istio DestinationRule)": [
        Evidence(annotation="paydown/circuit-breaker")
    ],
    "Runbooks in repo (/runbooks)": [Evidence(annotation="paydown/runbook")],
    # A quarter and some days, so that an experiment each quarter is never late.
    "Chaos experiments quarterly": [Evidence(annotation="paydown/chaos-date", within_days=100)],
    "Load tests in CI before prod (k6/Locust)": [Evidence(annotation="paydown/load-test")],
    "No AI-generated code without tests + lint gates": [
        Evidence(check="no_untested_ai_code"),
        Evidence(annotation="paydown/lint-gate"),
    ],
}


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

    @property
    def rules(self) -> list[Evidence]:
        """What is stated, else what holds for the text, else nothing."""
        return self.evidence or DEFAULT_EVIDENCE.get(self.text, [])


AnyCriterion = Annotated[
    Criterion, BeforeValidator(_as_criterion, json_schema_input_type=Text | Criterion)
]


class Maturity(Strict):
    """Criteria per level; a service has a level when it meets it and all below."""

    levels: Annotated[
        dict[MaturityLevel, Annotated[list[AnyCriterion], Field(min_length=1)]],
        Field(min_length=1),
    ]

    @model_validator(mode="after")
    def _say_it_once(self) -> Self:
        for level, criteria in self.levels.items():
            texts = [criterion.text for criterion in criteria]
            for position, text in enumerate(texts):
                if text in texts[:position]:
                    raise fault(
                        f"'{text}' is listed twice",
                        "remove one of them",
                        at=["levels", level, position],
                    )
        return self

    def record(self) -> dict[str, Any]:
        """One record: `levels` nested; `criteria` and `evidence` flat, one entry each.

        Levels count from 1 (bronze), criteria and evidence from 1 in the order of the file.
        """
        stated = [
            (ordinal, level, self.levels[level])
            for ordinal, level in enumerate(get_args(MaturityLevel), start=1)
            if level in self.levels
        ]
        return {
            "levels": [
                {
                    "level": level,
                    "ordinal": ordinal,
                    "criteria": [
                        {"ordinal": place, "text": criterion.text}
                        for place, criterion in enumerate(criteria, start=1)
                    ],
                }
                for ordinal, level, criteria in stated
            ],
            "criteria": [
                {"level": level, "level_ordinal": ordinal, "ordinal": place, "text": criterion.text}
                for ordinal, level, criteria in stated
                for place, criterion in enumerate(criteria, start=1)
            ],
            "evidence": [
                {
                    "level_ordinal": ordinal,
                    "criterion_ordinal": place,
                    "ordinal": position,
                    **rule.record(),
                }
                for ordinal, _, criteria in stated
                for place, criterion in enumerate(criteria, start=1)
                for position, rule in enumerate(criterion.rules, start=1)
            ],
        }
