"""`modernization/maturity.yaml`: what bronze, silver and gold ask of a service."""

from __future__ import annotations

from typing import Annotated, Any, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from orchestration.rubric.strict import MaturityLevel, Strict, fault

Criterion = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Maturity(Strict):
    """Criteria per level; a service has a level when it meets it and all below."""

    levels: Annotated[
        dict[MaturityLevel, Annotated[list[Criterion], Field(min_length=1)]], Field(min_length=1)
    ]

    @model_validator(mode="after")
    def _say_it_once(self) -> Self:
        for level, criteria in self.levels.items():
            for position, criterion in enumerate(criteria):
                if criterion in criteria[:position]:
                    raise fault(
                        f"'{criterion}' is listed twice",
                        "remove one of them",
                        at=["levels", level, position],
                    )
        return self

    def record(self) -> dict[str, Any]:
        """One record: `levels` nested, and `criteria` flat, one entry a criterion.

        Levels count from 1 (bronze), criteria from 1 in the order of the file.
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
                        {"ordinal": place, "text": text}
                        for place, text in enumerate(criteria, start=1)
                    ],
                }
                for ordinal, level, criteria in stated
            ],
            "criteria": [
                {"level": level, "level_ordinal": ordinal, "ordinal": place, "text": text}
                for ordinal, level, criteria in stated
                for place, text in enumerate(criteria, start=1)
            ],
        }
