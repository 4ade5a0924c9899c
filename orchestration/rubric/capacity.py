"""`modernization/capacity.yaml`: what an engineer-day costs and how much of it is carved out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from orchestration.documents.strict import (
    Amount,
    CheckedShare,
    Number,
    Strict,
    empty_if_none,
    fault,
)


def _team_name(name: str) -> str:
    if not name.strip() or any(character in name for character in "/\\") or not name.isprintable():
        fix = "write the name of the catalog, such as team-payments"
        raise fault(f"{name!r} is not a team's name", fix)
    return name


TeamName = Annotated[str, Field(max_length=200), AfterValidator(_team_name)]
Wip = Annotated[int, Field(strict=True, ge=0, le=1000)]
# A rate of 0 would make every budget 0.
Rate = Annotated[Number, Field(gt=0, le=1e6)]


class Defaults(Strict):
    """What holds for a team that says nothing else. The article asks for 15 to 25 %."""

    day_rate_usd: Rate
    carve_out_share: CheckedShare = 0.20
    wip_limit: Wip = 2


class Team(Strict):
    day_rate_usd: Rate | None = None
    engineers: Amount | None = None
    carve_out_share: CheckedShare | None = None
    wip_limit: Wip | None = None


class Capacity(Strict):
    """Rates, carve-out and open epics per team; a team not listed has the defaults."""

    currency: Literal["USD"] = "USD"
    defaults: Defaults
    teams: Annotated[
        dict[TeamName, Annotated[Team, BeforeValidator(empty_if_none)]],
        BeforeValidator(empty_if_none),
    ] = Field(default_factory=dict)
