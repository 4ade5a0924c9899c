"""`modernization/shared_fixes.yaml`: one change that serves several services, as one epic."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from orchestration.documents.strict import FixClass, Number, Strict, fault, matching

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
FixId = Annotated[
    str,
    Field(max_length=60),
    matching(
        r"[a-z0-9]+(?:-[a-z0-9]+)*",
        "is not an id",
        "write lower-case letters, digits and single hyphens, such as terraform-timeouts",
    ),
]
EngineerDays = Annotated[Number, Field(gt=0, le=10_000)]


class SharedFix(Strict):
    """`services` as the catalog, or a tool, names them. What is left out comes from the members."""

    id: FixId
    title: Name
    services: Annotated[list[Name], Field(min_length=2, max_length=500)]
    owner: Name | None = None
    estimate_days: EngineerDays | None = None
    fix_class: FixClass | None = None


class SharedFixes(Strict):
    """A service can wait for one shared fix at a time; take a fix out when it is done."""

    fixes: Annotated[
        list[SharedFix], BeforeValidator(lambda value: [] if value is None else value)
    ] = Field(default_factory=list, max_length=500)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids: set[str] = set()
        owners: dict[str, str] = {}
        for place, fix in enumerate(self.fixes):
            if fix.id in ids:
                raise fault(
                    f"{fix.id} is there twice", "give each fix an id of its own", ["fixes", place]
                )
            ids.add(fix.id)
            for service in map(str.lower, fix.services):
                if service in owners:
                    raise fault(
                        f"{service} is listed twice, in {owners[service]} and {fix.id}",
                        "list a service once",
                        ["fixes", place, "services"],
                    )
                owners[service] = fix.id
        return self

    def record(self) -> dict[str, Any]:
        """The file, and `members` with one entry a fix and service."""
        return super().record() | {
            "members": [
                {"id": fix.id, "ordinal": ordinal, "service": service}
                for ordinal, fix in enumerate(self.fixes, start=1)
                for service in fix.services
            ],
        }
