"""The ranked list of the marts as `prioritized.yaml`, which keeps what people wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from orchestration.decisions.entries import Entries, Entry, Value
from orchestration.documents.models import parse_model
from orchestration.documents.prioritized import PEOPLES, PrioritizedFile, Ranked
from orchestration.publish.analyst_copy import published
from orchestration.settings import Settings
from orchestration.warehouse import rows_of

NAME = "prioritized.yaml"
LISTS = ("exit_criteria", "risk_ids", "missing")
HEADER = """\
# modernization/prioritized.yaml
# The epics that deserve money, best first. paydown writes it every Friday, by pull request; merging
# the pull request is the decision. Above `decision` all is paydown's and rewritten each time. From
# there on all is yours, and so are comments and, once you moved an entry, the order:
#
#   decision         pending, approved, deferred or rejected
#   by, on           who decided, and the day, as 2026-06-26
#   amount_usd       what may be spent; budget_usd if left out
#   until            the day to ask again, of what is deferred
#   note             why; needed to defer or reject
#   risk_acceptance  who accepts which risk (risk_ids) until when
"""
RANKED = """
    select
        candidates.service_id as id,
        coalesce(decisions.cycle_number, 1) as cycle,
        candidates.service_name as service,
        row_number() over (order by candidates.score_rank, candidates.service_id) as rank,
        candidates.score,
        candidates.band,
        decisions.epic_key as epic,
        nullif(candidates.owner, '') as owner,
        candidates.due_date as due,
        candidates.estimate_days,
        candidates.budget_usd,
        candidates.target_maturity,
        string_split(nullif(candidates.exit_criteria, ''), '\n') as exit_criteria,
        string_split(nullif(candidates.risk_ids, ''), ', ') as risk_ids,
        string_split(nullif(candidates.missing_fields, ''), ',') as missing,
        case when coalesce(
            cases.repeats_target, cases.out_of_hours_target, cases.median_active_seconds_target
        ) is not null then concat_ws(', ',
            format('repeats {} -> at most {}', cases.repeats, cases.repeats_target),
            format('pages out of hours {} -> at most {}',
                cases.out_of_hours_count, cases.out_of_hours_target),
            format('median minutes active {:.0f} -> at most {:.0f}',
                cases.median_active_seconds / 60, cases.median_active_seconds_target / 60),
            format('over {} days', cases.window_days)
        ) end as success_test,
        round(cases.cost_usd) as incidents_cost_usd
    from rpt_promotion_candidates as candidates
    inner join rpt_epic_decisions as decisions using (service_id)
    left join rpt_epic_case as cases using (service_id)
    where decisions.decision in ('promote', 'blocked')
    order by rank
"""


def ranked(settings: Settings) -> list[dict[str, Value]]:
    """The entries of the published marts, best first.

    Raises:
        NotPublishedError: nothing was published yet, or only from another warehouse.
    """
    with published(settings) as con:
        rows = rows_of(con, RANKED)
    for row in (stated := [_as_stated(row) for row in rows]):
        Ranked.model_validate(row)
    return stated


def regenerated(text: str, rows: Sequence[Mapping[str, Value]]) -> str:
    """The file with these entries, and people's fields and comments as in `text`, which may be "".

    Entries follow their rank, unless people moved one: then each stays where it is, and a new one
    goes before the first that ranks below it. An entry that is no longer a candidate stays, without
    rank, if people wrote anything in it.

    Raises:
        DocumentError: the text isn't such a file; with line and fix.
    """
    if text.strip():
        parse_model(text, NAME, PrioritizedFile)
    entries = Entries(text or HEADER, "epics")
    before = [_rank_of(item.values) for item in entries.items]
    wanted = {_key(row): row for row in rows}
    for item in list(entries.items):
        if (row := wanted.pop(_key(item.values), None)) is not None:
            item.update(row)
        elif _is_decided(item):
            item.update({"rank": None})
        else:
            entries.items.remove(item)
    for row in wanted.values():
        ranks = [_rank_of(item.values) for item in entries.items]
        at = next((n for n, rank in enumerate(ranks) if rank > _rank_of(row)), len(ranks))
        entries.add({**row, **dict.fromkeys(PEOPLES), "decision": "pending"}, at)
    if before == sorted(before):
        entries.items.sort(key=lambda item: _rank_of(item.values))
    parse_model(entries.text, NAME, PrioritizedFile)
    return entries.text


def changes(old: str, new: str) -> list[str]:
    """What changed between two such files, one line of plain text per entry."""
    was, now = (
        {_key(item.values): item.values for item in Entries(text, "epics").items}
        for text in (old or "epics:\n", new)
    )
    lines = [
        f"{_name(now[key])}: new, score {now[key].get('score')}" for key in now if key not in was
    ]
    lines += [f"{_name(was[key])}: no longer a candidate" for key in was if key not in now]
    for key in now:
        if key in was and was[key] != now[key]:
            fields = [f for f in now[key] if was[key].get(f) != now[key][f]]
            changed = [f"{f} {_short(was[key].get(f))} -> {_short(now[key][f])}" for f in fields]
            lines.append(f"{_name(now[key])}: {', '.join(changed)}")
    return lines


def _as_stated(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the file states it: integers without a point, days as text, empty lists too."""
    stated = {name: [] if value is None and name in LISTS else value for name, value in row.items()}
    for name, value in stated.items():
        if isinstance(value, float) and value.is_integer():
            stated[name] = int(value)
        elif isinstance(value, date):
            stated[name] = value.isoformat()
    return stated


def _key(values: Mapping[str, Any]) -> tuple[Any, Any]:
    return values.get("id"), values.get("cycle")


def _rank_of(values: Mapping[str, Any]) -> float:
    rank = values.get("rank")
    return float("inf") if rank is None else rank


def _is_decided(item: Entry) -> bool:
    stated = {name for name in PEOPLES if item.values.get(name) not in (None, "pending")}
    return bool(stated) or item.has_comments


def _name(values: Mapping[str, Any]) -> str:
    return str(values.get("service") or values.get("id"))


def _short(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} lines"
    return "nothing" if value is None else str(value)
