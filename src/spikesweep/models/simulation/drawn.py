"""The drawn connections of networks, kept while others need the same, and the memory that they take."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.bit_rows import WORD
from spikesweep.kernels.cells.wired import Wired
from spikesweep.models.networks.spiking import Link, SpikingNetwork
from spikesweep.models.simulation.wiring import is_dense, wire
from spikesweep.units import ms

#: Networks that are kept at once, and bytes of all.
_KEPT, _KEPT_BYTES = 4, 2e9

_lock = threading.Lock()
_kept: "OrderedDict[Hashable, tuple[threading.Lock, list[Wired]]]" = OrderedDict()


def drawn(network: SpikingNetwork, key: NDArray[np.uint64], dt: ms) -> Wired:
    """Return the connections that `key` draws, which all simulations of a network with them share.

    Networks that differ only in cells, synapses, drives or currents have the same.
    """
    name = _name(network, int(key), dt)
    with _lock:
        lock, found = _kept.setdefault(name, (threading.Lock(), []))
        _kept.move_to_end(name)
    with lock:  # of two threads that need it one draws it
        if not found:
            found.append(wire(network, network.draw_compact(key, dt, is_dense)))
    with _lock:
        while len(_kept) > 1 and (len(_kept) > _KEPT or sum(map(_bytes, _kept)) > _KEPT_BYTES):
            _kept.popitem(last=False)
    return found[0]


def _name(network: SpikingNetwork, key: int, dt: ms) -> Hashable:
    """Return all that decides the connections of a network and how they are kept."""
    links = []
    for link in network.links():
        rule = replace(link.connections, synapse=None)
        links.append((link.target, link.source, rule, network.input_of(link.target, link.synapse)))
    sizes = tuple((name, p.n) for name, p in network.populations.items())
    return key, dt, sizes, tuple(network.drives), tuple(links)


def _bytes(name: Hashable) -> int:
    """Return the bytes of a network that is kept, 0 while it is drawn."""
    return sum(part.nbytes for w in _kept[name][1] for part in w if isinstance(part, np.ndarray))


class Memory(NamedTuple):
    """What a network takes."""

    connections: float  #: how many, on average
    bytes: float  #: of its connections, spikes on their way and cells, at the peak of drawing them

    def check(self) -> None:
        """Refuse a network that does not fit; raise InputError."""
        there = psutil.virtual_memory().available
        if self.bytes > 0.9 * there:
            raise InputError(
                f"network has about {self.connections:.2g} connections and needs {self.bytes / 1e9:.2g} GB; "
                f"allowed here: {0.9 * there / 1e9:.2g} GB"
            )


def memory(network: SpikingNetwork, dt: ms) -> Memory:
    """Return what a network takes, before it is drawn."""
    total, peak, ring, count = 0.0, 0.0, 0.0, 0.0
    for link in network.links():
        n, own, drawing, slots = _of_link(network, link, dt)
        count, total, ring, peak = count + n, total + own, ring + slots, max(peak, drawing)
    cells = 500.0 * network.N
    return Memory(count, 1.3 * (total + peak) + ring + cells)


def _of_link(network: SpikingNetwork, link: Link, dt: ms) -> tuple[float, float, float, float]:
    """Return the number of a link's connections, their bytes as kept and as drawn, and those of its ring."""
    rule, (n_source, n_target) = link.connections, network.sizes(link)
    n = rule.expected((n_source, n_target), link.source == link.target)
    each = 4.0 + (0.0 if rule.uniform_weight else 4.0) + (0.0 if rule.uniform_delay else 2.0)
    slots = rule.longest_delay(dt) / dt + 1.0
    alike = rule.uniform_weight and rule.uniform_delay and rule.pairs_once
    if alike and is_dense(n, (n_source, n_target)):
        own, slot = n_source * n_target / 8.0, n_target / 8.0 * np.log2(n_source + WORD)
    else:
        own, slot = each * n, 8.0 * n_target
    return n, own + 8.0 * n_source, each * n + 8.0 * n_source, slots * slot
