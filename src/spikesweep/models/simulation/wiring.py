"""The connections of a network as its simulation reads them.

What the connections of a projection have in common decides how they are kept (`kernels.cells.wired`). Dense
ones with one weight and one delay are rows of bits from DENSE on: there a row costs no more than its targets.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.bit_rows import WORD, bits_of, planes_of
from spikesweep.kernels.cells.driver import LANES
from spikesweep.kernels.cells.lanes import group_count
from spikesweep.kernels.cells.wired import (
    BITS,
    COLUMNS,
    COUNTS,
    LATE_COUNTS,
    LATE_SUMS,
    SUMS,
    Wired,
    places_of,
)
from spikesweep.models.networks.edges import BitRows, Edges
from spikesweep.models.networks.spiking import Link, SpikingNetwork

#: Share of all pairs that connect, from which on rows of bits cost less than targets.
DENSE = 0.025
#: What fits 16 bits.
_SHORT = 2**16


class Wire(NamedTuple):
    """A link with its connections, as they are kept."""

    link: Link
    target: int  #: population
    source: int  #: population, or a pool behind them
    edges: Any  #: `BitRows` of kind BITS, else `Edges`
    kind: int


def _kind(e: Edges | BitRows, n_target: int, *, pairs_once: bool) -> int:
    """Return how connections to n_target cells are kept."""
    if isinstance(e, BitRows):
        return BITS
    if len(e.delay) > 1:
        return LATE_SUMS if len(e.weight) > 1 else LATE_COUNTS
    if len(e.weight) > 1:
        return SUMS
    return BITS if pairs_once and is_dense(len(e.target), (len(e.rows) - 1, n_target)) else COUNTS


def is_dense(n: float, sizes: tuple[int, int]) -> bool:
    """Return whether n connections of sizes[0] to sizes[1] cells are enough for rows of bits."""
    return n >= DENSE * sizes[0] * sizes[1]


def wire(
    network: SpikingNetwork, links: Sequence[tuple[Link, Edges | BitRows]], *, bits: bool = True
) -> Wired:
    """Return connections as a simulation of the network reads them.

    They can be shared by all simulations of the network with this time step. Without `bits` dense ones are
    kept as lists too: the same results, slower.
    """
    names = [*network.populations, *network.pools()]
    wires = []
    for link, e in links:
        n_target, once = network.populations[link.target].n, bits and link.connections.pairs_once
        kind = _kind(e, n_target, pairs_once=once)
        if kind == BITS and isinstance(e, Edges):
            width = -(-n_target // WORD)
            e = BitRows(bits_of(e.rows, e.target, width).reshape(-1, width), e.weight, e.delay)
        wires.append(Wire(link, names.index(link.target), names.index(link.source), e, kind))
    wires.sort(key=lambda w: w.target)
    return _joined(network, wires, len(names))


def _joined(network: SpikingNetwork, wires: Sequence[Wire], n_sources: int) -> Wired:
    columns: dict[str, list[int]] = {name: [] for name in COLUMNS}
    pools: dict[str, list[Any]] = {name: [] for name in ("bits", "pointer", "near", "far", "weight")}
    rings = {"planes": 0, "counts": 0, "sums": 0, "depth": 0}
    places = {"near": 0, "far": 0, "weight": 0}
    rows = {"bits": 0, "pointer": 0}
    for w in wires:
        n_target = network.populations[w.link.target].n
        lag = int(w.edges.delay.max(initial=0)) + 1
        width = w.edges.bits.shape[1] if w.kind == BITS else group_count(n_target) * LANES
        planes = max(planes_of(len(w.edges.bits)), 3) if w.kind == BITS else 0
        ring = {BITS: "planes", COUNTS: "counts", LATE_COUNTS: "counts"}.get(w.kind, "sums")
        own = "bits" if w.kind == BITS else "pointer"
        where = "near" if w.kind in (COUNTS, SUMS) else "far"
        columns["kind"].append(w.kind)
        columns["lag"].append(lag)
        columns["width"].append(width)
        columns["planes"].append(planes)
        columns["rows"].append(rows[own])
        columns["ring"].append(rings[ring])
        columns["depth"].append(rings["depth"])
        columns["weights"].append(places["weight"] - places[where])
        columns["input"].append(network.input_of(w.link.target, w.link.synapse))
        rings[ring] += lag * width * (planes or 1)
        rings["depth"] += lag
        if w.kind == BITS:
            pools["bits"].append(w.edges.bits.reshape(-1))
            rows["bits"] += len(pools["bits"][-1])
            continue
        pools["pointer"].append(w.edges.rows + places[where])
        rows["pointer"] += len(w.edges.rows)
        late = where == "far"
        e = w.edges
        pools[where].append(places_of(e.target, e.delay, width) if late else e.target)
        places[where] += len(e.target)
        if w.kind in (SUMS, LATE_SUMS):
            pools["weight"].append(e.weight)
            places["weight"] += len(e.weight)
    return _wired(network, wires, n_sources, columns, pools, rings)


def _wired(
    network: SpikingNetwork,
    wires: Sequence[Wire],
    n_sources: int,
    columns: dict[str, list[int]],
    pools: dict[str, list[Any]],
    rings: dict[str, int],
) -> Wired:
    widest = max((c for c, w in zip(columns["width"], wires, strict=True) if w.kind == BITS), default=1)
    pools["bits"].append(np.zeros(widest, np.uint64))
    sources, targets = np.array([w.source for w in wires], int), np.array([w.target for w in wires], int)
    largest = max(p.n for p in network.populations.values())
    near = np.uint16 if largest <= _SHORT else np.uint32
    exact = any(w.edges.weight.dtype == np.float64 for w in wires if w.kind in (SUMS, LATE_SUMS))
    factor = [_factor(w) for w in wires]
    return Wired(
        table=np.array(list(zip(*(columns[name] for name in COLUMNS), strict=True)), np.int64).reshape(
            -1, len(COLUMNS)
        ),
        leaving=np.argsort(sources, kind="stable").astype(np.int64),
        leave=np.searchsorted(np.sort(sources), np.arange(n_sources + 1)).astype(np.int64),
        arrive=np.searchsorted(targets, np.arange(n_sources + 1)).astype(np.int64),
        bits=np.concatenate(pools["bits"]),
        pointer=_together(pools["pointer"], np.int64),
        near=_together(pools["near"], near),
        far=_together(pools["far"], np.uint32),
        weight=_together(pools["weight"], np.float64 if exact else np.float32),
        counter=np.empty(0, _counter(wires)),
        factor=np.array(factor, np.float64),
        rings=(rings["planes"], rings["counts"], rings["sums"], rings["depth"]),
        shortest=min((int(w.edges.delay.min()) + 1 for w in wires if _connects(w)), default=_SHORT),
        widest=widest,
    )


def _connects(w: Wire) -> bool:
    return w.kind == BITS or len(w.edges.target) > 0


def _factor(w: Wire) -> float:
    equal = w.kind not in (SUMS, LATE_SUMS) and len(w.edges.weight)
    return float(w.edges.weight[0]) if equal else 1.0


def _together(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    """Return arrays as one of a type; one part of that type is not copied."""
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0], dtype)
    return np.concatenate([np.empty(0, dtype), *(p.astype(dtype, copy=False) for p in parts)])


def _counter(wires: Sequence[Wire]) -> Any:
    """Return a type that counts as many events as can reach a cell from one projection in a step."""
    counted = [w.edges for w in wires if w.kind in (COUNTS, LATE_COUNTS) and len(w.edges.target) >= _SHORT]
    most = max((int(np.bincount(e.target).max()) for e in counted), default=0)
    return np.uint16 if most < _SHORT else np.uint32
