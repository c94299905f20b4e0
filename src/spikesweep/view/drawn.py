"""A map ready to be drawn, by a page, a file or a terminal: pixels, colours, labels of what is seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import FAILURES
from spikesweep.view import colours
from spikesweep.view.labels import exact, label, named, number, plain_text
from spikesweep.view.picture import Cells, cells
from spikesweep.view.pixels import Pixels, Scale, binned, pixels, positions
from spikesweep.view.point import MEANINGS
from spikesweep.view.source import Source
from spikesweep.view.space import Dim
from spikesweep.view.state import Fitted

#: Pixels along each axis at most, dots that are drawn one by one, crosses of failed points.
MOST_PIXELS, MOST_DOTS, MOST_CROSSES = (500, 400), 5000, 2000

Seen = tuple[float, float, float, float]  #: left, right, bottom, top


@dataclass(frozen=True)
class Shown:
    """An axis of a map as it is seen."""

    name: str  #: with its unit
    title: str  #: the same with its meaning
    texts: Sequence[str]  #: labels of the pixels
    begin: float  #: where the first pixel begins
    width: float  #: of a pixel
    even: bool  #: whether positions are values
    whole: bool  #: whether there is nothing between two positions that are 1 apart


@dataclass(frozen=True, eq=False)
class Drawn:
    """A map ready to be drawn."""

    title: str
    what: str  #: the variable or the layer, with its unit
    axes: tuple[Shown, Shown]
    cells: Cells  #: of the pixels, or of the points that are dots
    values: NDArray[np.float64]  #: of the layer, NaN where there is nothing
    limits: tuple[float, float]
    palette: Sequence[str]
    names: Sequence[str] | None  #: of codes, None of numbers
    box: tuple[float, float, float, float]  #: left, bottom, width, height of the pixels
    dots: Mapping[str, Sequence[Any]] | None  #: where points are no grid and few
    failed: tuple[Sequence[float], Sequence[float]]  #: where points failed
    held: Sequence[tuple[str, str]]  #: where the map is on other dimensions


def whole(source: Source, view: Fitted) -> Seen:
    """Return the ranges that show all of a map."""
    state, space = view.state, source.space
    found: list[float] = []
    for name in (state.x, state.y):
        if name and space.columns:
            where, _ = positions(space.columns[name])
            low, high = float(np.nanmin(where, initial=0.0)) if not where.size else 0.0, 1.0
            if where.size:
                low, high = float(np.nanmin(where)), float(np.nanmax(where))
            margin = 0.05 * (high - low) or 0.5
            found += [low - margin, high + margin]
        elif name:
            scale = Scale.of(space.dims[name])
            found += [scale.edge(0), scale.edge(scale.n)]
        else:
            found += [-0.5, 0.5]
    return found[0], found[1], found[2], found[3]


def draw(
    source: Source, view: Fitted, seen: Seen | None = None, title: str = "", found: Cells | None = None
) -> Drawn:
    """Return the map of a view, of what is seen of it; `found` in place of the store's own cells."""
    found = cells(source, view) if found is None else found
    seen = seen or whole(source, view)
    if source.space.columns:
        return _of_list(source, view, found, seen, title)
    state, dims = view.state, source.space.dims
    scales = [Scale.of(dims[d]) if d else Scale(0.0, 1.0, 1, False) for d in (state.x, state.y)]
    parts = [
        Pixels.of(s.seen(*r), n) for s, r, n in zip(scales, (seen[:2], seen[2:]), MOST_PIXELS, strict=True)
    ]
    grid = found if state.y else as_row(found)
    small = pixels(grid, *parts)
    axes = [_shown(dims.get(d), s, p) for d, s, p in zip((state.x, state.y), scales, parts, strict=True)]
    box = (
        axes[0].begin,
        axes[1].begin,
        axes[0].width * small.mean.shape[1],
        axes[1].width * small.mean.shape[0],
    )
    rows, columns = np.nonzero(np.isin(small.status, FAILURES))
    keep = slice(0, MOST_CROSSES)
    crosses = [a.begin + (i[keep] + 0.5) * a.width for a, i in zip(axes, (columns, rows), strict=True)]
    if state.layer in ("status", "error"):
        crosses = [np.zeros(0), np.zeros(0)]
    return _coloured(
        source, view, title, found, small, (axes[0], axes[1]), box, None, (crosses[0], crosses[1])
    )


def as_row(found: Cells) -> Cells:
    """Return cells along one axis as a map of one row."""
    return found.each(lambda array: np.asarray(np.atleast_2d(array)))


def _shown(dim: Dim | None, scale: Scale, part: Pixels) -> Shown:
    if dim is None:
        return Shown("", "", [""], -0.5, 1.0, False, True)
    texts = []
    for begin in part.starts.tolist():
        end = min(begin + part.each, scale.n) - 1
        one = label(dim.values[begin])
        texts.append(one if end == begin else f"{one} to {label(dim.values[end])}")
    name, width = named(dim.name, dim.units), scale.step * part.each
    is_whole = not scale.even or dim.values.dtype.kind in "iu"
    return Shown(name, dim.title, texts, scale.edge(part.begin), width, scale.even, is_whole)


def _of_list(source: Source, view: Fitted, found: Cells, seen: Seen, title: str) -> Drawn:
    """Return the map of points that are no grid: dots, or pixels where there are many."""
    state, columns = view.state, source.space.columns
    pairs = [positions(columns[d]) if d else (np.zeros(found.mean.shape), ()) for d in (state.x, state.y)]
    (x, _), (y, _) = pairs
    left, right, bottom, top = seen
    inside = (x >= left) & (x <= right) & (y >= bottom) & (y <= top)
    n = (min(MOST_PIXELS[1], 160), min(MOST_PIXELS[0], 200))
    axes = []
    for d, (_, words), (low, high), size in zip(
        (state.x, state.y), pairs, (seen[:2], seen[2:]), n[::-1], strict=True
    ):
        width = 1.0 if words else (high - low) / size
        texts = [plain_text(w) for w in words] or [number(low + (i + 0.5) * width) for i in range(size)]
        names = (named(d, columns[d].units), columns[d].title) if d else ("", "")
        axes.append(Shown(*names, texts, -0.5 if words else low, width, not words, bool(words)))
    failed = inside & np.isin(found.status, FAILURES)
    crosses = x[failed][:MOST_CROSSES], y[failed][:MOST_CROSSES]
    if state.layer in ("status", "error"):
        crosses = np.zeros(0), np.zeros(0)
    box = (left, bottom, right - left, top - bottom)
    both = (axes[0], axes[1])
    if inside.sum() > MOST_DOTS:
        small = binned(found, x, y, seen, n)
        return _coloured(source, view, title, found, small, both, box, None, crosses)
    values = found.layer(state.layer)[inside]
    dots: dict[str, Any] = {
        "x": x[inside],
        "y": y[inside],
        "value": values,
        "status": [MEANINGS[s] for s in found.status[inside]],
        "xt": [plain_text(exact(v)) for v in columns[state.x].values[inside].tolist()],
        "yt": [plain_text(exact(v)) for v in columns[state.y].values[inside].tolist()]
        if state.y
        else [""] * len(values),
        "vt": [number(v) for v in values.tolist()],
    }
    return _coloured(source, view, title, found, found, both, box, dots, crosses)


def _coloured(
    source: Source,
    view: Fitted,
    title: str,
    found: Cells,
    small: Cells,
    axes: tuple[Shown, Shown],
    box: tuple[float, float, float, float],
    dots: Mapping[str, Any] | None,
    failed: tuple[Any, Any],
) -> Drawn:
    state = view.state
    values = small.layer(state.layer)
    names: Sequence[str] | None = None
    limits, palette = _limits(found.layer(state.layer)), palette_of("viridis")
    if state.layer == "status":
        names, palette, limits = MEANINGS, tuple(colours.STATUS.values()), (-0.5, len(MEANINGS) - 0.5)
    elif state.layer == "error":
        names = found.reasons or ("none",)
        palette, limits = colours.REASONS[: len(names)], (-0.5, len(names) - 0.5)
    held = [
        (named(d, source.space.dims[d].units), label(source.space.dims[d].values[i]))
        for d, i in view.fixed.items()
    ]
    held += [(plain_text(d), f"mean of {len(source.space.dims[d].values)}") for d in view.averaged]
    return Drawn(
        title, what(source, view), axes, small, values, limits, palette, names, box, dots, failed, held
    )


@cache
def palette_of(name: str) -> Sequence[str]:
    """Return 256 colours of a map of matplotlib."""
    from matplotlib import colormaps  # late: a page has drawn nothing before

    shades = (rgba[:3] for rgba in colormaps[name](range(256)))
    return tuple("#" + "".join(f"{round(255 * part):02x}" for part in shade) for shade in shades)


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the least and the greatest value, apart."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def what(source: Source, view: Fitted) -> str:
    """Return what a map shows, with its unit."""
    state = view.state
    units, text = source.space.attrs[state.variable]
    if state.layer == "seconds":
        return "time a point (s)"
    if state.layer in ("status", "error"):
        return {"status": "status", "error": "failure"}[state.layer]
    name = plain_text(text)
    over = [d for d in view.averaged if d in source.space.variables[state.variable]]
    if state.layer == "sd":
        name = f"SD of {name} over {', '.join(map(plain_text, over)) or POINT.name}"
    return name if units in ("", "1") else f"{name} ({plain_text(units, 20)})"
