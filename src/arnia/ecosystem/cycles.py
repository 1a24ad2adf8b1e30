"""Cycles in a directed graph of names."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter


def find_cycles(edges: Mapping[str, AbstractSet[str]]) -> list[tuple[str, ...]]:
    """Return cycles of `edges`, each written from its least name on, until breaking each of them would leave none.

    The answer is the same for the same graph, in whatever order it was written.
    """
    rest = {name: set(targets) for name, targets in edges.items()}
    cycles: list[tuple[str, ...]] = []
    while cycle := _find_cycle(rest):
        cycles.append(cycle)
        rest[cycle[-1]].discard(cycle[0])
    return sorted(cycles)


def _find_cycle(edges: Mapping[str, AbstractSet[str]]) -> tuple[str, ...] | None:
    graph = {name: sorted(edges[name]) for name in sorted(edges)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1][:0:-1]
        least = found.index(min(found))
        return (*found[least:], *found[:least])
    return None
