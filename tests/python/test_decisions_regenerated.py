"""Any sequence of runs and edits keeps every field of people's, every comment, and their order."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.decisions.entries import Entries
from orchestration.decisions.prioritized import HEADER, changes, regenerated
from orchestration.documents.prioritized import PEOPLES

from .decision_helpers import row

NAMES = ("gateway", "ledger", "search", "auth")
RUN = st.lists(st.sampled_from(NAMES), unique=True).flatmap(
    lambda names: st.tuples(
        st.just("run"),
        st.tuples(*[st.tuples(st.just(name), st.integers(16, 30)) for name in names]),
    )
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=20)
DECIDE = st.tuples(
    st.just("decide"),
    st.integers(0, 3),
    st.fixed_dictionaries(
        {
            "decision": st.sampled_from(["approved", "deferred", "rejected"]),
            "by": st.just("cto"),
            "on": st.just("2026-06-26"),
            "note": WORDS.map(lambda text: f"why: {text}"),
            "amount_usd": st.one_of(st.none(), st.integers(0, 10**6)),
        }
    ),
)
REMARK = st.tuples(
    st.just("remark"), st.integers(0, 3), st.sampled_from(["above", "end", "within"])
)
MOVE = st.tuples(st.just("move"), st.integers(0, 3), st.integers(0, 3))


def ranked(scores: Any) -> list[dict[str, Any]]:
    best = sorted(scores, key=lambda one: (-one[1], one[0]))
    return [row(name, place, score) for place, (name, score) in enumerate(best, start=1)]


def listed(text: str) -> dict[str, dict[str, Any]]:
    loaded = yaml.load(text, Loader=yaml.CSafeLoader)
    return {one["service"]: one for one in loaded["epics"] or []}


def remark(text: str, place: int, where: str, comment: str) -> str:
    """A person writes a comment at an entry."""
    entries = Entries(text, "epics")
    item = entries.items[place]
    if where == "above":
        item.text = f"  # {comment}\n{item.text}"
    elif where == "end":
        item.text = f"{item.text}    # {comment}\n"
    else:
        item.text = item.text.replace("    score:", f"    # {comment}\n    score:", 1)
    return entries.text


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.lists(st.one_of(RUN, DECIDE, REMARK, MOVE), min_size=2, max_size=8))
def test_people_lose_nothing(steps: list[Any]) -> None:
    text = regenerated("", ranked([("gateway", 26), ("ledger", 24)]))
    decided: dict[str, dict[str, Any]] = {}
    comments: dict[str, str] = {}
    for number, (kind, *about) in enumerate(steps):
        count = len(Entries(text, "epics").items)
        if kind == "run":
            before, rows = [*listed(text)], ranked(about[0])
            # One that left the list comes after all others, unless people put it elsewhere.
            ranks = [one["rank"] or 999 for one in listed(text).values()]
            text = regenerated(text, rows)
            assert regenerated(text, rows) == text
            after = listed(text)
            assert {r["service"] for r in rows} <= after.keys()
            assert all(
                after[r["service"]][name] == r[name] for r in rows for name in ("rank", "score")
            )
            stayed = [name for name in before if name in after]
            if ranks != sorted(ranks):
                assert [name for name in after if name in before] == stayed
            else:
                shown = [one["rank"] or 999 for one in after.values()]
                assert shown == sorted(shown)
        elif count and kind == "decide":
            entries = Entries(text, "epics")
            entries.items[about[0] % count].update(about[1])
            name = entries.items[about[0] % count].values["service"]
            decided[name] = about[1]
            text = entries.text
        elif count and kind == "remark":
            name = Entries(text, "epics").items[about[0] % count].values["service"]
            comments[f"said-{number}-"] = name
            text = remark(text, about[0] % count, about[1], f"said-{number}-")
        elif count and kind == "move":
            entries = Entries(text, "epics")
            entries.items.insert(about[1] % count, entries.items.pop(about[0] % count))
            text = entries.text
    items = {item.values["service"]: item for item in Entries(text, "epics").items}
    for name, said in decided.items():
        assert {key: items[name].values[key] for key in said} == said
    for comment, name in comments.items():
        assert comment in items[name].text
    assert text.startswith(HEADER)


def test_changes_are_reported_and_a_next_epic_is_another_entry() -> None:
    first = regenerated("", [row("gateway", 1, 26)])
    entries = Entries(first, "epics")
    entries.items[0].update({"decision": "approved", "by": "cto", "on": "2026-06-26"})
    later = regenerated(entries.text, [row("gateway", 1, 28, cycle=2), row("auth", 2, 24)])
    found = Entries(later, "epics").items
    assert [(i.values["cycle"], i.values["decision"], i.values["rank"]) for i in found] == [
        (2, "pending", 1), (1, "pending", 2), (1, "approved", None),
    ]  # fmt: skip
    assert changes(first, later) == [
        "gateway: new, score 28",
        "auth: new, score 24",
        "gateway: rank 1 -> nothing, decision pending -> approved, by nothing -> cto, "
        "on nothing -> 2026-06-26",
    ]
    assert [*found[0].values][-len(PEOPLES) :] == [*PEOPLES]
