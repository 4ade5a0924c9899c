"""The base and the types of every model of a file that people write.

Strict because a guess would move money: an unknown key, a number in quotes or `true` for 1 is an
error that says how to fix it, never a silent default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

MaturityLevel = Literal["bronze", "silver", "gold"]
FixClass = Literal[
    "config_only",
    "code_refactor",
    "infra_modernization",
    "process_automation",
    "ai_code_cleanup",
]

MAX_DAYS = 3660

Item = TypeVar("Item")


class Strict(BaseModel):
    """Rejects unknown keys and is immutable.

    A key with nothing after it, or only comments below it, is an empty mapping or list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _left_empty(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return {} if given is None else given
        fields = {
            name
            for name, field in cls.model_fields.items()
            if field.default_factory or isinstance(field.default, BaseModel)
        }
        return {key: given[key] for key in given if given[key] is not None or key not in fields}

    def record(self) -> dict[str, Any]:
        """The file's content with defaults filled in, as one record for the warehouse."""
        return self.model_dump(mode="json")


def invalid(
    what: str, fix: str, at: Sequence[str | int] = (), *, is_secret: bool = False
) -> PydanticCustomError:
    """A validation error: `what` is wrong, which follows the field's name, and its `fix`.

    `at` is where the problem is below the value; a value that may be a secret isn't shown.
    """
    context = {"what": what, "fix": fix, "at": list(at), "is_secret": is_secret}
    return PydanticCustomError("invalid", "{what}", context)


def matching(pattern: str, what: str, fix: str) -> AfterValidator:
    """A check that a text, without surrounding blanks, matches the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text.strip()):
            raise invalid(what, fix)
        return text.strip()

    return AfterValidator(check)


def unique(items: Sequence[Item]) -> list[Item]:
    """The items in order, each once; items need not be hashable."""
    seen: list[Item] = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen


def once(key: Callable[[Any], Any] = lambda item: item) -> AfterValidator:
    """A check that no two items of a list have the same key."""

    def check(items: list[Item]) -> list[Item]:
        keys = [key(item) for item in items]
        for position, one in enumerate(keys):
            if one in keys[:position]:
                raise invalid(f"'{one}' is listed twice", "remove one of them", at=[position])
        return items

    return AfterValidator(check)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise invalid("is not a date", "write it as YYYY-MM-DD, such as 2026-03-01") from None


def share_of_one(value: float, at: Sequence[str | int] = ()) -> float:
    """A share; 20 for 20 % is rejected in favour of 0.2. `at` as in `invalid`."""
    if abs(value) > 1:
        raise invalid(
            f"{value:g} is not a share of 1", f"write {value / 100:g} for {value:g} %", at
        )
    return value


def rising(
    values: Mapping[str, float | None],
    stated: Container[str],
    fix: str,
    at: Sequence[str | int] = (),
    *,
    equal: bool = False,
) -> None:
    """Raise an error if a value isn't more than the previous one, or, with `equal`, is less.

    The error is at the value that the file states.
    """
    known = [(name, value) for name, value in values.items() if value is not None]
    for (lower, low), (higher, high) in pairwise(known):
        if low > high or (low == high and not equal):
            what = f"{higher} ({high:g}) must be more than {lower} ({low:g})"
            raise invalid(what, fix, at=[*at, higher if higher in stated else lower])


def short_text(most: int) -> StringConstraints:
    """Text of at most so many characters, without surrounding blanks, and not empty."""
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Amount = Annotated[Number, Field(ge=0, le=1e15)]
Share = Annotated[Number, Field(ge=0, le=1)]
CheckedShare = Annotated[Number, Field(ge=0), AfterValidator(lambda value: share_of_one(value))]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
