"""`modernization/capacity.yaml`: what an engineer-day costs and how much of it is carved out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from orchestration.rubric.strict import Amount, Number, Strict, empty_if_none, fault

Wip = Annotated[int, Field(strict=True, ge=0, le=1000)]


def _team_name(name: str) -> str:
    if not name.strip() or any(character in name for character in "/\\") or not name.isprintable():
        raise fault(
            f"{name!r} is not a team's name", "write the name of the catalog, such as team-payments"
        )
    return name


def _share(value: float) -> float:
    if value > 1:
        raise fault(f"{value:g} is not a share of 1", f"write {value / 100:g} for {value:g} %")
    return value


CarveOut = Annotated[Number, Field(ge=0), AfterValidator(_share)]
TeamName = Annotated[str, Field(max_length=200), AfterValidator(_team_name)]


# A rate of 0 would make every budget 0.
Rate = Annotated[Number, Field(gt=0, le=1e6)]


class Defaults(Strict):
    """What holds for a team that says nothing else. The article asks for 15 to 25 %."""

    day_rate_usd: Rate
    carve_out_share: CarveOut = 0.20
    wip_limit: Wip = 2


class Team(Strict):
    day_rate_usd: Rate | None = None
    engineers: Amount | None = None
    carve_out_share: CarveOut | None = None
    wip_limit: Wip | None = None


class Capacity(Strict):
    """Rates, carve-out and open epics per team; a team not listed has the defaults."""

    currency: Literal["USD"] = "USD"
    defaults: Defaults
    teams: Annotated[
        dict[TeamName, Annotated[Team, BeforeValidator(empty_if_none)]],
        BeforeValidator(empty_if_none),
    ] = Field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """One record with the defaults filled in; `engineers` is null where nobody says."""
        return {
            "day_rate_usd": self.defaults.day_rate_usd,
            "currency": self.currency,
            "carve_out_share": self.defaults.carve_out_share,
            "wip_limit": self.defaults.wip_limit,
            "teams": [
                {
                    "team": name,
                    "day_rate_usd": _either(team.day_rate_usd, self.defaults.day_rate_usd),
                    "engineers": team.engineers,
                    "carve_out_share": _either(team.carve_out_share, self.defaults.carve_out_share),
                    "wip_limit": _either(team.wip_limit, self.defaults.wip_limit),
                }
                for name, team in self.teams.items()
            ],
        }


def _either(stated: float | None, default: float) -> float:
    """0 is a statement, so `or` would be wrong here."""
    return default if stated is None else stated
