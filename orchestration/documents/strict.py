"""The base and the types of every model of a file that people write.

Strict where a guess would move money: an unknown key, a number in quotes or `true` for 1 is an
error that says how to fix it, never a silent default.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

MaturityLevel = Literal["bronze", "silver", "gold"]
FixClass = Literal[
    "config_only",
    "code_refactor",
    "infra_modernization",
    "process_automation",
    "ai_code_cleanup",
]

# Fields of an interchange record stay far below what a 64-bit integer or a mart column holds.
MAX_DAYS = 3660

Item = TypeVar("Item")


class Strict(BaseModel):
    """Refuses unknown keys and can't change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def record(self) -> dict[str, Any]:
        """What the file says, defaults filled in, as one record for the warehouse."""
        return self.model_dump(mode="json")


def fault(
    what: str, fix: str, at: Sequence[str | int] = (), *, is_secret: bool = False
) -> PydanticCustomError:
    """A validation error that carries its remedy.

    Args:
        what: what is wrong, to be read after the field's name.
        fix: what to write instead.
        at: where below the validated value the fault lies, for the line number.
        is_secret: the value may be a secret, and is not shown.
    """
    context = {"what": what, "fix": fix, "at": list(at), "is_secret": is_secret}
    return PydanticCustomError("fault", "{what}", context)


def matching(pattern: str, what: str, fix: str) -> AfterValidator:
    """A check that a text, without the blanks around it, is what the pattern describes."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text.strip()):
            raise fault(what, fix)
        return text.strip()

    return AfterValidator(check)


def empty_if_none(value: object) -> object:
    """A key with nothing after it, or only comments below it, is an empty mapping."""
    return {} if value is None else value


def unique(items: Sequence[Item]) -> list[Item]:
    """The items in their order, each once; items need not be hashable."""
    seen: list[Item] = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen


def once(items: list[Item]) -> list[Item]:
    """The items, none of which may be there twice."""
    for position, item in enumerate(items):
        if item in items[:position]:
            raise fault(f"'{item}' is listed twice", "remove one of them", at=[position])
    return items


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise fault("is not a date", "write it as YYYY-MM-DD, such as 2026-03-01") from None


def share_of_one(value: float, at: Sequence[str | int] = ()) -> float:
    """A share; whoever writes 20 for 20 % is asked to write 0.2. `at` as in `fault`."""
    if abs(value) > 1:
        raise fault(f"{value:g} is not a share of 1", f"write {value / 100:g} for {value:g} %", at)
    return value


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Amount = Annotated[Number, Field(ge=0, le=1e15)]
Share = Annotated[Number, Field(ge=0, le=1)]
CheckedShare = Annotated[Number, Field(ge=0), AfterValidator(lambda value: share_of_one(value))]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
