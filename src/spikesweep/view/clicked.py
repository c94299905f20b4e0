"""From a position on a map to the cell that is there, and back."""

import numpy as np

from spikesweep.grid.grid import POINT
from spikesweep.view.hub import Map
from spikesweep.view.pixels import Scale, positions
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted

#: How far a point that is no grid may be from a click, as a part of what is seen.
_NEAR = 0.03


def cell_at(each: Map, x: float, y: float) -> dict[str, int] | None:
    """Return which cell of a map a position is in; of points that are no grid the nearest, None for none."""
    space, state = each.source.space, each.view.state
    if not space.columns:
        shown = [(d, at) for d, at in ((state.x, x), (state.y, y)) if d in space.axes]
        return {dim: Scale.of(space.dims[dim]).place(at) for dim, at in shown}
    _, _, width, height = each.drawn.box
    apart = np.zeros(len(space.dims[POINT.name].values))
    for d, at, size in ((state.x, x, width), (state.y, y, height)):
        if d:
            apart += ((positions(space.columns[d])[0] - at) / size) ** 2
    nearest = int(np.argmin(apart))
    return {POINT.name: nearest} if apart[nearest] < _NEAR**2 else None


def place_of(source: Source, view: Fitted, index: dict[str, int]) -> tuple[float, float] | None:
    """Return where a point is on a map, None where the map has axes that are none of a point."""
    found = []
    for d in (view.state.x, view.state.y):
        if not d:
            found.append(0.0)
        elif source.space.columns:
            found.append(float(positions(source.space.columns[d])[0][index[POINT.name]]))
        elif d in index:
            scale = Scale.of(source.space.dims[d])
            found.append(scale.start + scale.step * index[d])
        else:
            return None
    return found[0], found[1]
