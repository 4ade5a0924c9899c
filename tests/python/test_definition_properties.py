"""Properties of definitions: normalised titles, chains of renames, bounds of windows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .compiled_models import AS_OF, NewWarehouse, Warehouse

LOOSE = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
NOW = datetime.fromisoformat(AS_OF)

WORDS = st.sampled_from(
    ("disk", "full", "checkout", "slow", "5xx", "latency", "für", "データベース", "queue", "stuck")
)
# What two alerts of one kind differ in.
NOISE = st.sampled_from(
    (
        "91%", "(2026-05-01)", "db-07.eu.example.com", "#4711", "[FIRING:2]", "12:30", "10.0.0.1",
        "9f86d081884c7d65", "May 3rd", "--", "!", "1234567",
    )
)  # fmt: skip


def title_keys(models: Warehouse, titles: list[str]) -> list[str | None]:
    """What int_incidents__counted makes of titles."""
    ids = [f"i{n:04}" for n in range(len(titles))]
    models.fill(
        "int_incidents__unioned",
        "incident_id, incident_title, source_incident_id, source_name, record_kind, "
        "incident_number, incident_status, alert_key, failure_key, incident_url, "
        "severity_level bigint, reopen_count bigint, timeline_active_seconds bigint, "
        "triggered_at timestamp, acknowledged_at timestamp, resolved_at timestamp",
        [(one, title, *[None] * 14) for one, title in zip(ids, titles, strict=True)],
    )
    models.fill(
        "int_incidents__classified",
        "incident_id, counted_as_id, exclusion_reason",
        [(one, None, None) for one in ids],
    )
    models.fill(
        "int_incidents__services",
        "incident_id, service_id, triggered_service_id, matched_by, stated_name, stated_title",
        [(one, *[None] * 5) for one in ids],
    )
    models.fill(
        "int_incidents__reviews",
        "incident_id, is_last boolean, service_id, causal_service_id, postmortem_id, "
        "failure_mode, regulations, slo_burn_rate double, revenue_impact_usd double, "
        "users_share double, is_ai_code_without_tests boolean, impact_started_at timestamp, "
        "known_from timestamp",
        [(one, True, *[None] * 11) for one in ids],
    )
    models.run("int_incidents__counted")
    found = "select title_key from paydown_intermediate.int_incidents__counted order by incident_id"
    return [key for (key,) in models.ask(found)]


@LOOSE
@given(
    words=st.lists(WORDS, min_size=1, max_size=4),
    noises=st.lists(st.tuples(st.integers(0, 4), NOISE), max_size=4),
    other=WORDS,
)
def test_titles_are_alike_whatever_numbers_ids_hosts_and_dates_stand_in_them(
    warehouse: NewWarehouse, words: list[str], noises: list[tuple[int, str]], other: str
) -> None:
    noisy = list(words)
    for place, noise in noises:
        noisy.insert(place, noise)
    plain = " ".join(words)
    key, same, shouted, again, different = title_keys(
        warehouse(),
        [plain, "  ".join(noisy), plain.upper(), f"{plain} 17", f"{plain} {other} {other} else"],
    )
    firing = any(noise == "[FIRING:2]" for _, noise in noises)
    assert key is not None
    # "firing" is a word that the alert says, its number is not.
    assert (same or "").replace("firing", "").split() == key.replace("firing", "").split() or firing
    assert (shouted, again) == (key, key)
    assert different != key
    # What is normalised stays as it is.
    assert title_keys(warehouse(), [key]) == [key]


@LOOSE
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    keeps_all=st.booleans(),
)
@example(lengths=[6], keeps_all=False)
def test_a_chain_of_renames_leads_to_the_service_of_today(
    warehouse: NewWarehouse, lengths: list[int], keeps_all: bool
) -> None:
    """Each service is renamed again and again; catalogs keep all old names or only the last."""
    chains = [[f"s{n}-{step}" for step in range(length)] for n, length in enumerate(lengths)]
    today, aliases, former = [], [], []
    for chain in chains:
        today.append((f"component:default/{chain[-1]}",))
        for step in range(1, len(chain)):
            kept = chain[:step] if keeps_all else chain[step - 1 : step]
            former += [(f"component:default/{chain[step]}", name) for name in kept]
        names = (chain[:-1] if keeps_all else chain[-2:-1]) + chain[-1:]
        aliases += [("name", name, f"component:default/{chain[-1]}") for name in names]
    models = warehouse()
    models.fill("int_services__catalogued", "service_id", today)
    models.fill("int_services__aliases", "alias_kind, alias_value, service_id", aliases)
    models.fill("stg_backstage__former_aliases", "entity_ref, entity_alias", former)
    models.run("int_services__former_ids")
    rows = models.ask(
        "select former_id, service_id from paydown_intermediate.int_services__former_ids"
    )
    found = dict(rows)
    assert len(found) == len(rows)
    for chain in chains:
        current = f"component:default/{chain[-1]}"
        for name in chain[:-1]:
            assert found[f"component:default/{name}"] == current
            assert found[f"uncatalogued:{name}"] == current
        assert current not in found


@LOOSE
@given(
    lengths=st.lists(st.integers(1, 90), min_size=2, max_size=4),
    ages=st.lists(
        st.tuples(st.integers(0, 200), st.sampled_from((-1, 0, 1))), min_size=1, max_size=20
    ),
)
def test_of_windows_that_follow_each_other_exactly_one_has_each_incident(
    warehouse: NewWarehouse, lengths: list[int], ages: list[tuple[int, int]]
) -> None:
    bounds = [NOW]
    for days in lengths:
        bounds.append(bounds[-1] - timedelta(days=days))
    models = warehouse()
    models.fill(
        "int_scoring__dates",
        "scoring_date date, days_back bigint, window_starts_at timestamp, scoring_at timestamp",
        [(end.date(), n, start, end) for n, (end, start) in enumerate(pairwise(bounds))],
    )
    moments = {
        f"i{n}": NOW - timedelta(days=days, seconds=seconds)
        for n, (days, seconds) in enumerate(ages)
    }
    known = (
        "incident_id, service_id, triggered_at timestamp, is_repeat boolean, "
        "active_seconds bigint, episode_seconds bigint, postmortem_id, failure_mode, "
        "slo_burn_rate double, revenue_impact_usd double, users_share double, "
        "estimate_days double, is_regulatory boolean, is_ai_code_without_tests boolean, "
        "resolved_at timestamp, episode_resolved_at timestamp, known_from timestamp, "
        "known_until timestamp"
    )
    rows = [(one, "s", at, *[None] * 13, at, datetime(9999, 12, 31)) for one, at in moments.items()]
    models.fill("int_scoring__known_incidents", known, rows)
    models.run("int_scoring__windows")
    found = models.ask(
        "select incident_id, max(scoring_date), count(*) "
        "from paydown_intermediate.int_scoring__windows group by incident_id"
    )
    # What is known on a later day than a window's is in later windows only.
    expected = {
        one: (end.date(), 1)
        for one, at in moments.items()
        for end, start in pairwise(bounds)
        if start < at <= end
    }
    assert {one: rest for one, *rest in found} == {one: [*pair] for one, pair in expected.items()}
