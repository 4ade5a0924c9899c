"""Who depends on whom, over any number of steps and in cycles, against a walk in Python."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .compiled_models import NewWarehouse

Edge = tuple[int, int]
# The dependent's number and the dependency's; most of these graphs have cycles.
GRAPHS = st.integers(1, 12).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=2 * size),
    )
)
CHAIN = (129, {(n, n + 1) for n in range(128)})
RING = (100, {(n, (n + 1) % 100) for n in range(100)})


def dependents(edges: set[Edge]) -> dict[int, set[int]]:
    """Service -> the others that reach it, found by walking against the arrows."""
    against = defaultdict(set)
    for dependent, dependency in edges:
        against[dependency].add(dependent)
    found = {}
    for service in list(against):
        seen: set[int] = set()
        to_see = [service]
        while to_see:
            new = against.get(to_see.pop(), set()) - seen
            seen |= new
            to_see += new
        found[service] = seen - {service}
    return found


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=GRAPHS)
@example(graph=CHAIN)
@example(graph=RING)
def test_dependents_equal_a_walk_through_the_graph(
    warehouse: NewWarehouse, graph: tuple[int, set[Edge]]
) -> None:
    size, edges = graph
    # Edges lead from one service to another one: int_services__dependencies sees to it.
    edges = {edge for edge in edges if edge[0] != edge[1]}
    models = warehouse()
    models.fill("int_services__catalogued", "service_id", [(f"s{n}",) for n in range(size)])
    rows = [(f"s{dependent}", f"s{dependency}") for dependent, dependency in sorted(edges)]
    models.fill("int_services__dependencies", "dependent_id, dependency_id", rows)
    models.run("int_services__reachable", "int_services__centrality")

    walked = dependents(edges)
    expected = {
        f"s{n}": (
            sum(dependency == n for _, dependency in edges),
            len(walked.get(n, ())),
            len(walked.get(n, ())) / (size - 1) if size > 1 else 0,
        )
        for n in range(size)
    }
    found = models.ask(
        "select service_id, direct_dependents, transitive_dependents, dependency_centrality "
        "from paydown_intermediate.int_services__centrality"
    )
    assert len(found) == size
    assert {service: tuple(rest) for service, *rest in found} == expected
