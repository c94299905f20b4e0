"""A network as a diagram: populations, what comes from outside, and the projections between them.

Drawn from the description of the network alone, by what its synapses do: an arrow excites, a bar inhibits.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from spikesweep.analysis.plots.style import COLORS, plain, styled
from spikesweep.errors import InputError
from spikesweep.models.networks.rate import RateNetwork
from spikesweep.models.networks.received import excites

_LOOKS = {True: (COLORS[0], "-|>"), False: (COLORS[1], "|-|,widthA=0,widthB=0.35")}
_SAID = {True: "excites", False: "inhibits"}


class Arrow(NamedTuple):
    """A projection, or what an input or a drive does to a population."""

    source: str
    target: str
    excites: bool


def circuit(network: Any) -> Figure:
    """Return the diagram of a network: of `ss.network(cfg)`, or `network` of an experiment.

    Populations stand on a circle in the order of the configuration, inputs and drives to the left, with
    their numbers of cells. Raises InputError for a network that does not say what connects to what.
    """
    arrows = list(arrows_of(network))
    inside = {name: _size(network, name) for name in network.populations}
    outside = dict.fromkeys(a.source for a in arrows if a.source not in inside)
    places = _places(list(inside), list(outside))
    with styled():
        fig = Figure(figsize=(6.0, 4.6), layout="constrained")
        ax = fig.subplots()
        boxes = {}
        for name, (x, y) in places.items():
            n = inside[name] if name in inside else _size(network, name)
            signs = {a.excites for a in arrows if a.source == name and name in inside}
            edge = _LOOKS[signs.pop()][0] if len(signs) == 1 else "0.5"
            lines = [name] if n is None else [name, f"{n:,}"]
            boxes[name] = ax.add_patch(_box(max(map(len, lines)), x, y, edge))
            ax.text(x, y, plain("\n".join(lines)), ha="center", va="center", fontsize=9)
        for arrow in arrows:
            ax.add_patch(_drawn(arrow, places, boxes))
        ax.set(xlim=(-2.6 if outside else -1.7, 1.7), ylim=(-1.6, 1.6), aspect="equal")
        ax.set_axis_off()
        kinds = dict.fromkeys(a.excites for a in arrows)
        handles = [Line2D([], [], color=_LOOKS[kind][0], label=_SAID[kind]) for kind in kinds]
        ax.legend(handles=handles, loc="upper right", frameon=False)
    return fig


def arrows_of(network: Any) -> Iterator[Arrow]:
    """Yield what acts on which population, and how; raise InputError where a network does not say it."""
    cells = {name: population.cell for name, population in network.populations.items()}
    if isinstance(network, RateNetwork):
        for target, source in network.links():
            synapse = network.projections[target][source].synapse
            yield Arrow(source, target, bool(synapse.E_rev >= cells[target].v_th))
    elif hasattr(network, "whole"):
        whole = network.whole
        for link in whole.links():
            weight = getattr(link.connections.weights, "mean", 1.0)
            synapse = link.synapse._replace(weight=link.synapse.weight * weight)
            yield Arrow(link.source, link.target, excites(synapse, cells[link.target]))
        for name in (name for name in whole.drives if name not in whole.pools()):
            synapse = whole.drive_synapse(name)
            synapse = synapse._replace(weight=synapse.weight * whole.drives[name].weight)
            for target in whole.drives[name].onto:
                yield Arrow(name, target, excites(synapse, cells[target]))
    elif hasattr(network, "synapses_onto"):
        for target, cell in cells.items():
            for kind, synapse in network.synapses_onto(target).items():
                yield Arrow(kind, target, excites(synapse, cell))
    else:
        raise InputError(
            f"a {type(network).__name__} says no projections; allowed: a network with projections or synapses"
        )


def _size(network: Any, name: str) -> int | None:
    """Return how many cells, or sources that cells share, there are; None where that is not said."""
    if isinstance(network, RateNetwork):
        return network.size(name)
    whole = getattr(network, "whole", network)
    if name in network.populations:
        return getattr(whole.populations[name], "n", None)
    return whole.pools().get(name) if hasattr(whole, "pools") else None


def _places(inside: list[str], outside: list[str]) -> dict[str, tuple[float, float]]:
    angles = np.pi - 2.0 * np.pi * (np.arange(len(inside)) + 0.5) / len(inside)
    radius = 1.0 if len(inside) > 1 else 0.0
    found = {
        n: (radius * float(np.cos(a)), radius * float(np.sin(a))) for n, a in zip(inside, angles, strict=True)
    }
    heights = np.linspace(0.6, -0.6, len(outside)) if len(outside) > 1 else [0.0]
    return found | {name: (-2.0, float(y)) for name, y in zip(outside, heights, strict=False)}


def _box(characters: int, x: float, y: float, edge: str) -> FancyBboxPatch:
    width, height = 0.16 + 0.068 * max(characters, 3), 0.32
    return FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="white",
        edgecolor=edge,
        linewidth=1.5,
    )


def _drawn(
    arrow: Arrow, places: Mapping[str, tuple[float, float]], boxes: Mapping[str, Any]
) -> FancyArrowPatch:
    color, style = _LOOKS[arrow.excites]
    start, stop = np.array(places[arrow.source]), np.array(places[arrow.target])
    ends = {"patchA": boxes[arrow.source], "patchB": boxes[arrow.target], "shrinkA": 1.0, "shrinkB": 3.0}
    bend = 0.15
    if arrow.source == arrow.target:  # outside of the circle
        out = start if np.hypot(*start) else np.array([0.0, 1.0])  # of a population alone: upwards
        side = np.array([-out[1], out[0]]) * 0.14
        start, stop, bend, ends = start + 0.18 * out + side, start + 0.18 * out - side, -1.6, {}
    return FancyArrowPatch(
        tuple(start),
        tuple(stop),
        arrowstyle=style,
        connectionstyle=f"arc3,rad={bend}",
        color=color,
        mutation_scale=11,
        linewidth=1.2,
        alpha=0.85,
        **ends,
    )
