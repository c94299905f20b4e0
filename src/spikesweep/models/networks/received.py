"""What one cell of a whole network receives from its excitatory and its inhibitory cells.

Protocols of single cells need one in-degree and one synapse of each kind onto each population. What a network
says beyond that is refused by name.
"""

from typing import Any

from spikesweep.contract import lacking
from spikesweep.errors import InputError
from spikesweep.models.contracts import Conducting
from spikesweep.units import number


def received(network: Any, population: str) -> dict[str, tuple[number, Any]]:
    """Return the mean number of synapses onto a cell, and the synapse, by kind: exc, inh.

    Raises InputError where a kind has several synapses, or weights that differ, or none.
    """
    found: dict[str, tuple[number, Any]] = {}
    cell = network.populations[population].cell
    for link in network.links():
        if link.target != population or link.source not in network.populations:
            continue
        where = f"network.projections.{population}.{link.source}"
        if not hasattr(link.connections.weights, "mean"):
            raise InputError(
                f"{where}.weights is a matrix; allowed with a protocol of single cells: a rule of connection"
            )
        if not link.connections.uniform_weight:
            raise InputError(
                f"{where}.weights differ; allowed with a protocol of single cells: equal weights"
            )
        synapse = link.synapse._replace(weight=link.synapse.weight * link.connections.weights.mean)
        kind = "exc" if excites(synapse, cell) else "inh"
        sizes = network.sizes(link)
        n = link.connections.expected(sizes, link.source == population) / sizes[1]
        known = found.get(kind, (0.0, synapse))
        if known[1] != synapse:
            raise InputError(
                f"{where} has another synapse than other {kind} projections onto {population}; allowed with "
                "a protocol of single cells: one of each kind"
            )
        found[kind] = known[0] + n, synapse
    for kind in ("exc", "inh"):
        if kind not in found:
            raise InputError(
                f"network.projections.{population} has no {kind} synapses; allowed with a protocol of single "
                "cells: some of both kinds"
            )
    return {kind: found[kind] for kind in ("exc", "inh")}


def in_degree_of(network: Any) -> dict[str, number]:
    """Return the mean number of synapses onto a cell, by kind; raise InputError where populations differ."""
    each = _each(network)
    first, *others = each.values()
    if not all(_same(first, other) for other in others):
        raise InputError(
            f"network.projections give their targets different in-degrees, {each}; allowed with a protocol "
            "of single cells: the same for all"
        )
    return first


def of_population(network: Any, population: str) -> dict[str, number]:
    """Return the mean number of synapses onto a cell of a population, by kind.

    What differs from the first population's by rounding alone is that number.
    """
    each = _each(network)
    first, own = next(iter(each.values())), each[population]
    return first if _same(first, own) else own


def _each(network: Any) -> dict[str, dict[str, number]]:
    return {
        name: {kind: n for kind, (n, _) in received(network, name).items()} for name in network.populations
    }


def _same(first: dict[str, number], other: dict[str, number]) -> bool:
    return all(abs(other[kind] - n) <= 1e-9 * n for kind, n in first.items())


def excites(synapse: Any, cell: Any) -> bool:
    """Return whether a synapse drives a cell towards its threshold."""
    if lacking(synapse, Conducting):
        return bool(synapse.weight >= 0.0)
    return bool(synapse.E_rev >= getattr(cell, "V_th", getattr(cell, "v_t", 0.0)))
