"""Points computed again from what the store itself says, and compared with what it holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.build import build
from spikesweep.errors import InputError, nearest
from spikesweep.grid import Block
from spikesweep.protocols.base import OK
from spikesweep.ragged import Ragged


def rebuilt(store: stores.Store) -> tuple[Any, Any]:
    """Return the protocol and the network of a store, from its stored configuration alone."""
    if store.swept:
        swept = ", ".join(store.swept)
        raise InputError(f"{store.path} sweeps {swept}: such points cannot be computed again from the store")
    stored = store.attrs["configuration"]
    protocol = build(stored["protocol"], "protocol")
    network = build({**stored["network"], "populations": stored["neuron"]}, "network")
    return protocol, network


def replay(store: stores.Store, labels: Mapping[str, Any], neuron: int = 0) -> xr.Dataset:
    """Compute one point again with full traces; raise ArithmeticError if its stored value does not come out.

    `labels` are the point's values on the axes and, where there are several populations, `population`.
    An axis with one value may be left out. Raises InputError for a point that the store does not hold.
    """
    protocol, network = rebuilt(store)
    if not hasattr(protocol, "trace"):
        raise InputError(f"protocol {type(protocol).__name__} has no traces to replay")
    axes = store.axis_values()
    populations = list(network.populations)
    for name in labels:
        if name not in (*axes, "population"):
            raise InputError(f"{name} is no axis of {store.path}; {nearest(name, (*axes, 'population'))}")
    population = labels.get("population", populations[0] if len(populations) == 1 else None)
    if population not in populations:
        raise InputError(f"population = {population!r}; allowed: {', '.join(populations)}")
    cut = {axis.name for axis in protocol.axes if not axis.whole}
    index = {name: _index(name, axes[name], labels.get(name)) for name in axes if name in cut}
    if not _equal(store, protocol, network, index):
        raise ArithmeticError(f"{store.path} does not hold what {dict(labels)} gives now")
    point = {name: axes[name][i].item() for name, i in index.items()}
    ds: xr.Dataset = protocol.trace(network, point, population, neuron)
    return ds.assign_attrs(**point, population=population, neuron=neuron)


def verify(store: stores.Store, k: int, rng: np.random.Generator) -> dict[str, Any]:
    """Compute `k` random finished points again; return how many, and those that came out otherwise."""
    protocol, network = rebuilt(store)
    axes = store.axis_values()
    done = np.argwhere(store.status() == OK)
    chosen = rng.choice(done, min(k, len(done)), replace=False)
    other = []
    for where in chosen:
        index = dict(zip(axes, where, strict=True))
        if not _equal(store, protocol, network, index):
            other.append({name: values[index[name]].item() for name, values in axes.items()})
    return {"verified": len(chosen), "different": other}


def _equal(store: stores.Store, protocol: Any, network: Any, index: Mapping[str, int]) -> bool:
    """Compute a point, its whole axes included, and compare every bit with what is stored."""
    axes = store.axis_values()
    whole = {a.name: axes[a.name] for a in protocol.axes if a.whole}
    points = {a.name: axes[a.name][[index[a.name]]] for a in protocol.axes if not a.whole}
    again = protocol(network, points, whole)
    start = [index.get(name, 0) if name in points else 0 for name in axes]
    stop = [a + 1 if name in points else len(axes[name]) for name, a in zip(axes, start, strict=True)]
    stored, _ = store.read_block(Block(tuple(start), tuple(stop)))
    return all(_same_bits(found, again[name]) for name, found in stored.items())


def _same_bits(a: NDArray[Any] | Ragged, b: NDArray[Any] | Ragged) -> bool:
    if isinstance(a, Ragged) and isinstance(b, Ragged):
        return _same_bits(a.sizes, b.sizes) and _same_bits(a.values, b.values)
    if isinstance(a, Ragged) or isinstance(b, Ragged):
        return False
    return np.array_equal(a.ravel(), b.ravel(), equal_nan=a.dtype.kind == "f")


def _index(name: str, values: NDArray[Any], wanted: Any) -> int:
    if wanted is None and len(values) == 1:
        return 0
    found = np.flatnonzero(values == wanted)
    if len(found) != 1:
        shown = ", ".join(f"{v:g}" for v in values[:8]) + (", ..." if len(values) > 8 else "")
        raise InputError(f"{name} = {wanted}; allowed: one of {shown}")
    return int(found[0])
