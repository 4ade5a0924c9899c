"""The base of every model of a file that people write.

Strict where a guess would move money: an unknown key, a number in quotes or `true` for 1 is an
error that says how to fix it, never a silent default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
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

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Amount = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1e15)]
Share = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]

Item = TypeVar("Item")


class Strict(BaseModel):
    """Refuses unknown keys and can't change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
