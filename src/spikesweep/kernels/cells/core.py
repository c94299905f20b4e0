"""The loop over time of spiking cells, the same for cells alone and for networks.

Between a spike and its earliest arrival cells are independent: in a time block no longer than the shortest
way each group of LANES is driven, receives what waits for it, advances and is looked at, and only then are
the spikes of all groups delivered. Cells alone have no way at all: their blocks have BLOCK steps. No number
depends on the length of a block.

The loop is compiled as a whole, so that threads meet the interpreter's lock once a call, not once a block. It
is written as text, like the driver, because numba has no list of unlike populations.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.cells.driver import LANES, aligned
from spikesweep.kernels.compile.jit import compiled, kept

#: Steps of a time block at most. Long enough that a train has events in most blocks, short enough that kicks
#: and traces stay in the second cache.
BLOCK = 192
#: Groups that go together at most, and bytes of their kicks and traces.
CHUNK = 64
_FIRST_CACHE = 48_000

_LOOP = """
def loop(net, parts, block, first, n_steps, tick):
{heads}
    end = first + n_steps
    count = 0
    for start in range(first, end, block):
        n = min(block, end - start)
{parts}
        count = deliver({sent}, n, start, count)
    return count
"""

#: Read once: each time a field is read its arrays are counted.
_HEAD = """
    part{k} = parts[{k}]
    state{k}, source{k}, sink{k} = part{k}.state, part{k}.source, part{k}.sink
    kicks{k}, traced{k} = part{k}.kicks, part{k}.traced
    groups{k}, size{k}, chunk{k} = state{k}.shape[0], state{k}.shape[1], part{k}.chunk
    states{k} = state{k}.reshape(-1)
"""

_PART = """
        for g in range(0, groups{k}, chunk{k}):
            m = min(chunk{k}, groups{k} - g)
            fill{k}({fill}, {g}kicks{k}, n, start)
            receive({received}, {k}, g, m, kicks{k}, n, start)
            advance{k}(states{k}[g * size{k} : (g + m) * size{k}], kicks{k}, traced{k}, m, n, start, tick)
            collect{k}({collect}, {g}traced{k}, n, start)
"""


class Code(NamedTuple):
    """The compiled functions of one kind of cell.

    In a network, where parts have several groups, of which some go together, `fill` and `collect` have the
    fields of source and sink as their first parameters, by name, then the first group `g` and how many there
    are, `m`.
    """

    advance: Callable[..., None]  #: of its driver
    fill: Callable[..., None]  #: (source, kicks, n, first): writes kicks, flat of (m, n, inputs, LANES)
    collect: Callable[
        ..., None
    ]  #: (sink, traced, n, first): reads what is traced, flat of (m, n, rows, LANES)


class Part(NamedTuple):
    """The numbers of cells of one kind, which stand in groups of LANES."""

    state: NDArray[np.float64]  #: shape (groups, rows * LANES)
    source: Any  #: what `fill` reads
    sink: Any  #: where `collect` writes
    kicks: NDArray[np.float64]  #: room for those of a block
    traced: NDArray[np.float64]  #: room for those of a block
    chunk: int  #: groups that go together


class Exchange(NamedTuple):
    """How spikes come from cells to cells, compiled."""

    #: (fields of net by name, part, group, m, kicks, n, first): adds what arrives at m groups in n steps
    receive: Callable[..., None]
    #: (fields of net by name, n, start, count): sends the spikes of n steps; counts them all
    deliver: Callable[..., int]


@compiled
def nothing(_, rows, n, first):
    """Kick nothing, or keep nothing."""


@compiled
def _receive_nothing(net, part, group, m, kicks, n, first):
    pass


@compiled
def _deliver_nothing(net, n, first, count):
    return count


#: Between cells that do not connect.
ALONE = Exchange(_receive_nothing, _deliver_nothing)


def part_of(state: NDArray[np.float64], source: Any, sink: Any, inputs: int, rows: int, block: int) -> Part:
    """Return a part with room for the kicks of `inputs`, and for `rows` of a trace, in a block.

    As many groups go together as the first cache holds, up to CHUNK: what is called costs as much for one.
    """
    most = _FIRST_CACHE // (block * (inputs + rows) * LANES * state.itemsize)
    chunk = int(min(max(most, 1), max(len(state), 1), CHUNK))
    room = aligned(chunk * block * inputs * LANES), aligned(chunk * block * rows * LANES)
    return Part(state, source, sink, *room, chunk)


@cache
def core_loop(codes: tuple[Code, ...], exchange: Exchange) -> Any:
    """Return the compiled loop (net, parts, block, first, n_steps, tick) over parts with this code.

    It advances all cells by the n_steps from `first` on, and returns how many spikes were delivered.
    """
    names: dict[str, Any] = exchange._asdict()
    heads, parts = [], []
    alone = exchange is ALONE
    received, sent = ("net", "net") if alone else (_fields(f, "part", "n") for f in exchange)
    if not alone:
        heads += _reads("net", "net", f"{received}, {sent}")
    for k, code in enumerate(codes):
        names |= {f"{name}{k}": function for name, function in code._asdict().items()}
        fill, collect = f"source{k}", f"sink{k}"
        heads.append(_HEAD.format(k=k))
        if not alone:
            fill, collect = (
                _fields(code.fill, "g", prefix=f"s{k}_"),
                _fields(code.collect, "g", prefix=f"k{k}_"),
            )
            heads += [*_reads(f"source{k}", f"s{k}", fill), *_reads(f"sink{k}", f"k{k}", collect)]
        group = "" if alone else "g, m, "
        parts.append(_PART.format(k=k, g=group, fill=fill, collect=collect, received=received))
    text = _LOOP.format(heads="\n".join(heads), parts="".join(parts), sent=sent)
    made_of = list(names.values())
    exec(text, names)
    loop: Any = names["loop"]
    loop.__module__ = __name__
    return kept(loop, text, *made_of)


def _fields(function: Any, *ends: str, prefix: str = "net_") -> str:
    """Return the first parameters of a compiled function, up to those named, as local names of the loop."""
    names = list(inspect.signature(function.py_func).parameters)
    return ", ".join(prefix + name for name in names[: min(names.index(end) for end in ends if end in names)])


def _reads(where: str, prefix: str, names: str) -> list[str]:
    """Return lines that read fields into local names, once: each time one is read its array is counted."""
    cut = len(prefix) + 1
    return [f"    {name} = {where}.{name[cut:]}" for name in dict.fromkeys(names.split(", "))]
