"""A view along one axis: means with their SD, a line for some labels of the other axis."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikesweep.view.labels import label, plain_text
from spikesweep.view.picture import Cells
from spikesweep.view.pixels import Scale, positions
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted

#: Lines, and places along one.
MOST_LINES, MOST_PLACES = 5, 2000


@dataclass(frozen=True, eq=False)
class Line:
    """Means along an axis, shape (place,)."""

    label: str
    x: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    chosen: bool  #: whether it is that of the point that was clicked


def lines(source: Source, view: Fitted, found: Cells, chosen: int | None = None) -> list[Line]:
    """Return the lines of a view over its x; of points that are no grid one, without order."""
    state, space = view.state, source.space
    if space.columns:
        x, _ = positions(space.columns[state.x])
        some = np.unique(np.linspace(0, max(len(x) - 1, 0), min(len(x), MOST_PLACES)).astype(np.int64))
        return [Line("", x[some], found.mean[some], np.full(len(some), np.nan), False)]
    scale = Scale.of(space.dims[state.x])
    x = np.arange(scale.n, dtype=np.float64) * scale.step + scale.start
    each = max(1, -(-scale.n // MOST_PLACES))
    mean, sd = np.atleast_2d(found.mean)[:, ::each], np.atleast_2d(found.sd)[:, ::each]
    places = np.unique(np.linspace(0, len(mean) - 1, min(len(mean), MOST_LINES)).round().astype(int)).tolist()
    if chosen is not None and chosen not in places:
        places.append(chosen)
    out = []
    for place in places:
        text = ""
        if state.y:
            dim = space.dims[state.y]
            text = f"{plain_text(dim.name, 20)} = {label(dim.values[place])}"
            text += "" if dim.units in ("", "1") else f" {plain_text(dim.units, 20)}"
        out.append(Line(text, x[::each], mean[place], sd[place], place == chosen))
    return out


def about(source: Source, view: Fitted, found: Cells) -> str:
    """Return what the lines and their bands are, with the number of values."""
    own = source.space.variables[view.state.variable]
    over = [d for d in view.averaged if d in own]
    if source.space.columns or not over:
        return "values of single points" if not over else f"mean over {', '.join(map(plain_text, over))}"
    n = found.n[found.n > 0]
    low, high = (int(n.min()), int(n.max())) if n.size else (0, 0)
    return (
        f"mean ± SD over {', '.join(map(plain_text, over))}, n = {low if low == high else f'{low} to {high}'}"
    )


def x_title(source: Source, view: Fitted) -> str:
    """Return what the axis is called, with its unit."""
    found = source.space.columns or source.space.dims
    return found[view.state.x].title


def words_of(source: Source, view: Fitted) -> Sequence[str]:
    """Return the labels along the axis, where its positions are no values: words, uneven numbers."""
    if source.space.columns:
        return [plain_text(word) for word in positions(source.space.columns[view.state.x])[1]]
    dim = source.space.dims[view.state.x]
    return () if Scale.of(dim).even else [label(value) for value in dim.values.tolist()]
