"""Scores of the demo recomputed in plain Python from `raw`, for any day with what was known then.

Written from the guide for analysts, the rubric's own words and docs/decisions, without the
project's SQL.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from .oracle_burn import Burn
from .oracle_incidents import (
    AS_OF,
    Incident,
    Raw,
    keys_of,
    read_incidents,
    set_episodes,
    title_words,
)

Row = dict[str, Any]
DAY = timedelta(days=1)
# By factor: level, points, and whether it rests on data.
Points = dict[str, tuple[int | None, int | None, bool]]
ONCE = ("max_burn_rate", "revenue_usd", "impact_started_at")
SAID = (*ONCE, "causal", "failure_mode", "regulated", "users", "estimate_days", "ai")


def entity_ref(text: str, kind: str = "component") -> str:
    """`kind:namespace/name` in lower case, whatever of it is left out."""
    head, _, rest = text.lower().rpartition(":")
    namespace, _, name = rest.rpartition("/")
    return f"{head or kind}:{namespace or 'default'}/{name}"


@dataclass(frozen=True)
class Known:
    """What is known of one incident at a moment, and what its postmortems say by then."""

    incident: Incident
    service: str
    said: Row
    postmortem: str | None


class Oracle:
    """All that the tests compare with the marts."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        entities = raw.rows("backstage__entities")
        self.services = {
            self._ref(row): row for row in entities if row["kind"].lower() == "component"
        }
        self.teams = {
            ref: entity_ref(row["owner_ref"], "group") if row["owner_ref"] else None
            for ref, row in self.services.items()
        }
        self.records = read_incidents(raw, self._names())
        self.counted = {i.id: i for i in self.records.values() if i.excluded is None}
        self._reviews = self._read_postmortems()
        self.slo = Burn(raw, self.names)
        self.service_of = {i: self.known(i, AS_OF).service for i in self.counted}
        set_episodes(list(self.counted.values()), self.service_of)
        self.members = defaultdict(list)
        for one in self.counted.values():
            self.members[one.episode].append(one)

    @staticmethod
    def _ref(row: Row) -> str:
        return entity_ref(f"{row['namespace'] or 'default'}/{row['name']}", row["kind"].lower())

    def _names(self) -> dict[tuple[str, str], str]:
        claims: dict[tuple[str, str], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for ref, row in self.services.items():
            ids = (row["pagerduty_id"] or "").replace(";", ",").replace(" ", ",").split(",")
            selector = (row["opsgenie_id"] or "").replace('tag:"service:', "").replace('"', "")
            own = [row["name"], row["title"], row["kubernetes_id"], ref]
            own += (row["aliases"] or "").split(",")
            for kind, values, rank in (
                ("pagerduty", ids, 1), ("opsgenie", selector.split(" OR "), 1),
                ("servicenow", [row["servicenow_id"]], 1), ("name", own, 1),
                ("name", [row[f"kubernetes_{one}"] for one in (
                    "label_name", "label_instance", "selector_name", "selector_instance")], 2),
            ):  # fmt: skip
                for value in values:
                    if value and value.strip():
                        claims[kind, value.strip().lower()][rank].add(ref)
        owned = defaultdict(list)
        for ref, team in self.teams.items():
            if team:
                owned[team].append(ref)
        found = {}
        for name, ranks in claims.items():
            first = ranks[min(ranks)]
            if len(first) == 1:
                found[name] = min(first)
        for team, refs in owned.items():
            if len(refs) == 1:
                found["team", team.rpartition("/")[2]] = found["team", team] = refs[0]
        self.names = found
        return found

    def _read_postmortems(self) -> dict[str, list[Row]]:
        """By incident: its postmortems in the order in which they became known."""
        regulated = {
            row["postmortem_id"] for row in self.raw.rows("postmortems__postmortem_regulations")
        }
        self.postmortems = {
            row["postmortem_id"]: row for row in self.raw.rows("postmortems__postmortems")
        }
        for key, row in self.postmortems.items():
            row["causal"] = self.names.get(("name", (row["causal_service"] or "").strip().lower()))
            row["regulated"] = True if key in regulated else None
            percent = row["users_percent"]
            row["users"] = None if percent is None else float(Decimal(str(percent)) / 100)
            has, tested = row["has_ai_code"], row["has_ai_code_tests"]
            row["ai"] = False if has is False else None if not has or tested is None else not tested
        keys = keys_of(self.records)
        linked = defaultdict(set)
        for row in self.raw.rows("postmortems__postmortem_incidents"):
            one = self.records.get(keys.get(row["incident_ref"].strip().lower(), ""))
            if one and one.excluded in ("merged", "duplicate", "alert"):
                one = self.records.get(one.counted_as or "", one)
            if one and one.excluded is None:
                linked[one.id].add(row["postmortem_id"])
        found = {}
        for incident, ids in linked.items():
            rows = [self.postmortems[one] for one in sorted(ids, reverse=True)]
            found[incident] = sorted(rows, key=lambda r: r["completed_at"] or datetime.min)
        return found

    def known(self, incident: str, at: datetime) -> Known:
        """Of each field the last postmortem holds that states it; losses at the first incident."""
        one = self.counted[incident]
        said: Row = dict.fromkeys(SAID)
        by: dict[str, str] = {}
        newest = None
        for row in self._reviews.get(incident, []):
            if row["completed_at"] is None or row["completed_at"] <= at:
                newest = row["postmortem_id"]
                for name in SAID:
                    if row[name] is not None:
                        said[name], by[name] = row[name], newest
        for name in ONCE:
            if name in by and self._first_reviewed(by[name]) != incident:
                said[name] = None
        return Known(one, said["causal"] or one.service, said, newest)

    def _first_reviewed(self, postmortem: str) -> str:
        reviewed = [
            i
            for i, rows in self._reviews.items()
            if any(r["postmortem_id"] == postmortem for r in rows)
        ]
        return min(reviewed, key=lambda i: (self.counted[i].began, i))

    def repeats(self, at: datetime) -> dict[str, str | bool | None]:
        """By incident: the id of the one that it repeats, False, or None where nothing says."""
        last: dict[str, Incident] = {}
        found: dict[str, str | bool | None] = {}
        for one in sorted(self.counted.values(), key=lambda i: (i.began, i.id)):
            if one.began > at:
                break
            if one.is_flap:
                found[one.id] = False
                continue
            known = self.known(one.id, at)
            mode = known.said["failure_mode"]
            prints = [
                f"{known.service} / {mode}" if mode and mode != "unknown" else None,
                f"{known.service} / alert {one.alert}" if one.alert else None,
                f"{known.service} / title {words}" if (words := title_words(one.title)) else None,
            ]
            stated = [one_print for one_print in prints if one_print]
            hits = [
                last[p].id for p in stated if p in last and last[p].began > one.began - 90 * DAY
            ]
            found[one.id] = hits[0] if hits else False if stated else None
            for one_print in stated:
                last[one_print] = one
        return found

    @cached_property
    def rubric(self) -> tuple[Row, dict[str, Row], dict[int, float], list[Row]]:
        """Settings, factors, shares of levels and bands, from the top."""
        (settings,) = self.raw.rows("modernization__scoring")
        factors = {row["factor"]: row for row in self.raw.rows("modernization__scoring_factors")}
        shares = {
            row["ordinal"]: row["share"] for row in self.raw.rows("modernization__scoring_levels")
        }
        bands = sorted(self.raw.rows("modernization__scoring_bands"), key=lambda b: -b["ordinal"])
        return settings, factors, shares, bands

    @cached_property
    def dependents(self) -> dict[str, set[str]]:
        """By service: who depends on it, directly or not."""
        edges = defaultdict(set)
        for row in self.raw.rows("backstage__dependencies"):
            edges[entity_ref(row["target_ref"])].add(self._ref(row))
        provides = defaultdict(set)
        for row in self.raw.rows("backstage__provided_apis"):
            provides[entity_ref(row["target_ref"], "api")].add(self._ref(row))
        for row in self.raw.rows("backstage__consumed_apis"):
            for provider in provides[entity_ref(row["target_ref"], "api")]:
                edges[provider].add(self._ref(row))
        found = {}
        for service in self.services:
            seen: set[str] = set()
            todo = [service]
            while todo:
                for one in edges[todo.pop()] & self.services.keys() - seen - {service}:
                    seen.add(one)
                    todo.append(one)
            found[service] = seen
        return found

    def values(self, at: datetime) -> dict[str, dict[str, Any]]:
        """By scored service the value of each factor at a moment, and what its level hangs on."""
        start = at - 90 * DAY
        repeated = self.repeats(at)
        windowed: dict[str, list[Known]] = defaultdict(list)
        for one in self.counted.values():
            if start < one.began <= at:
                known = self.known(one.id, at)
                windowed[known.service].append(known)
        scored = set(self.services) | {
            s for s in self.service_of.values() if s.startswith("uncatalogued:")
        }
        found = {}
        for service in scored - {"uncatalogued:unnamed"}:
            known = windowed[service]
            answers = [repeated[k.incident.id] for k in known]
            comparable = [a for a in answers if a is not None]
            repeats = sum(bool(a) for a in comparable)
            lengths = [
                self._episode_seconds(k.incident, at) for k in known if not k.incident.is_flap
            ]
            lengths = [one for one in lengths if one is not None]
            stated = [
                (k.incident.began, k.said["max_burn_rate"], k.incident.active)
                for k in known
                if k.said["max_burn_rate"] is not None
                and k.incident.active is not None
                and (k.incident.resolved or at) <= at
            ]
            burnt, alert = self.slo.factor(service, stated, at, start)
            users = [k.said["users"] for k in known if k.said["users"] is not None]
            revenue = [k.said["revenue_usd"] for k in known if k.said["revenue_usd"] is not None]
            ai = [k.said["ai"] for k in known if k.said["ai"] is not None]
            reach, others = self.dependents.get(service), len(self.services) - 1
            found[service] = {
                "slo_burn": burnt,
                "repeats": repeats if len(comparable) >= 0.5 * len(known) else None,
                "mttr": statistics.median(lengths) / 60 if lengths else None,
                "blast_radius": max(users, default=None),
                "dependency_centrality": None if reach is None else len(reach) / others,
                "revenue_impact": sum(revenue) if revenue else None,
                "effort": self._effort(known),
                "ai_risk": sum(ai) if ai else None,
                "alert": alert,
                "regulated": any(k.said["regulated"] for k in known),
                "resolved": len(lengths),
                "incidents": len(known),
            }  # fmt: skip
        return found

    def _episode_seconds(self, one: Incident, at: datetime) -> float | None:
        parts = self.members[one.id]
        if any(p.resolved is None or p.active is None for p in parts):
            return None
        if max(p.resolved for p in parts if p.resolved) > at:
            return None
        return sum(p.active or 0 for p in parts)

    @staticmethod
    def _effort(known: Iterable[Known]) -> float | None:
        newest: dict[str | None, tuple[Any, ...]] = {}
        for k in known:
            if k.said["estimate_days"] is not None:
                mode = k.said["failure_mode"]
                kind = k.postmortem if mode in (None, "unknown") else mode
                # Of the same moment the first by id.
                rank = (k.incident.began, [-ord(c) for c in k.incident.id])
                if kind not in newest or newest[kind][0] < rank:
                    newest[kind] = (rank, k.said["estimate_days"])
        return sum(days for _, days in newest.values()) if newest else None

    def points(self, values: dict[str, Any]) -> Points:
        """By factor: level, points, and whether it rests on data."""
        _, factors, shares, _ = self.rubric
        found = {}
        for name, row in factors.items():
            level = self._level(name, row, values)
            has_data = level is not None
            if name == "mttr" and has_data and values["resolved"] < 3:
                level = min(level or 0, 2)
            if name == "effort" and not has_data and values["incidents"]:
                level = 2
            exact = (
                None if level is None else Decimal(str(row["weight"])) * Decimal(str(shares[level]))
            )
            found[name] = (
                level,
                None if exact is None else int(exact.quantize(Decimal(1), ROUND_HALF_UP)),
                has_data,
            )
        return found

    @staticmethod
    def _level(name: str, row: Row, values: dict[str, Any]) -> int | None:
        value, is_raised = values[name], name == "blast_radius" and values["regulated"]
        least = None
        if name == "slo_burn" and values["alert"] is not None:
            kinds = {
                0: 0,
                1: row["ticket_ordinal"],
                2: row["ticket_ordinal"],
                3: row["page_ordinal"],
                4: row["page_ordinal"],
            }
            least = kinds[values["alert"]] or 0
        if value is None and least is None and not is_raised:
            return None
        reached = 0
        if value is not None:
            for ordinal, cut in ((1, row["low"]), (2, row["medium"]), (3, row["high"])):
                if cut is not None and value >= cut:
                    reached = ordinal
        return max(min(reached + int(is_raised), 3), least or 0)
