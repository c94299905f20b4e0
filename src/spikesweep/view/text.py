"""A view in characters, for a terminal: the map, its colours, and how far the sweep is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.schema import FAILURES, MISSING
from spikesweep.view import colours
from spikesweep.view.drawn import as_row, draw, whole
from spikesweep.view.facts import problems, progress
from spikesweep.view.labels import label, number, plain_text
from spikesweep.view.picture import Cells, cells
from spikesweep.view.pixels import Pixels, Scale, binned, pixels, positions
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State, fitted

#: Without colours: from the least to the greatest value; statuses in their order; reasons of failures.
_RAMP, _STATUS, _REASONS = " .:-=+*#%@", "·o!xs g+", "!abcdefz"
_MISSING, _FAILED = "·", "x"
#: Columns that labels of rows take, and lines that all but the map takes.
_MARGIN, _LINES = 9, 7


def text(
    stores: Sequence[tuple[str, Source | str]], state: State, size: tuple[int, int], coloured: bool
) -> str:
    """Return stores as lines of characters, (columns, lines) of them, one map below another."""
    shares = (size[0], max(12, size[1] // max(1, len(stores))))
    return "\n\n".join(_one(name, found, state, shares, coloured) for name, found in stores)


def _one(name: str, found: Source | str, state: State, size: tuple[int, int], coloured: bool) -> str:
    width = size[0]
    if isinstance(found, str):
        return f"{name[:width]}\n{found}"
    lines = [f"{name}"[-width:], str(progress(found))[:width]]
    try:
        lines += _map(found, fitted(state, found.space), size, coloured)
    except (InputError, MemoryError) as error:
        lines.append(plain_text(error, 500))
    if said := problems(found).strip():
        lines.append(said)
    return "\n".join(lines)


def _map(source: Source, view: Fitted, size: tuple[int, int], coloured: bool) -> list[str]:
    width, height = max(4, size[0] - _MARGIN), max(3, size[1] - _LINES)
    drawn = draw(source, view)
    small, x_ends, y_ends = _shrunk(source, view, width, height)
    values = small.layer(view.state.layer)
    wide = max(1, min(6, width // values.shape[1]))
    if source.space.columns:
        wide = 1
    rows = []
    for i in reversed(range(len(values))):
        at = "" if not view.state.y else y_ends[1] if i == len(values) - 1 else y_ends[0] if i == 0 else ""
        body = _row(values[i], small.status[i], view.state.layer, drawn.limits, drawn.palette, wide, coloured)
        rows.append(f"{at[: _MARGIN - 2]:>{_MARGIN - 2}} |{body}")
    n = wide * values.shape[1]
    left, right = x_ends
    gap = max(1, n - len(left) - len(right))
    below = f"{'':{_MARGIN}}{left}{' ' * gap}{right}"[: size[0]]
    over = f"{drawn.what} over {drawn.axes[0].name}" + (f" and {drawn.axes[1].name}" if view.state.y else "")
    held = ", ".join(f"{name} {text}" for name, text in drawn.held)
    return [
        over[: size[0]],
        held[: size[0]],
        *rows,
        below,
        _legend(drawn.names, drawn.limits, drawn.palette, coloured),
    ]


def _shrunk(
    source: Source, view: Fitted, width: int, height: int
) -> tuple[Cells, tuple[str, str], tuple[str, str]]:
    """Return the cells of characters, and the first and the last label of both axes."""
    state, space = view.state, source.space
    found = cells(source, view)
    if space.columns:
        seen = whole(source, view)
        x, y = (
            positions(space.columns[d])[0] if d else np.zeros(found.mean.shape) for d in (state.x, state.y)
        )
        ends = [number(v) for v in seen]
        return binned(found, x, y, seen, (height, width)), (ends[0], ends[1]), (ends[2], ends[3])
    grid = found if state.y else as_row(found)
    scales = [Scale.of(space.dims[d]) if d else Scale(0.0, 1.0, 1, False) for d in (state.x, state.y)]
    parts = [Pixels.of((0, s.n), most) for s, most in zip(scales, (width, height), strict=True)]
    ends_ = [
        (label(space.dims[d].values[0]), label(space.dims[d].values[-1])) if d else ("", "")
        for d in (state.x, state.y)
    ]
    return pixels(grid, *parts), ends_[0], ends_[1]


def _row(
    values: NDArray[np.float64],
    status: NDArray[np.uint8],
    layer: str,
    limits: tuple[float, float],
    palette: Sequence[str],
    wide: int,
    coloured: bool,
) -> str:
    low, high = limits
    out = []
    for value, code in zip(values.tolist(), status.tolist(), strict=True):
        finite = np.isfinite(value)
        place = (value - low) / (high - low) if finite else 0.0
        if layer in ("status", "error"):
            marks = _STATUS if layer == "status" else _REASONS
            mark = marks[min(int(value), len(marks) - 1)] if finite else " "
        elif code in FAILURES:
            mark = _FAILED
        elif finite:
            mark = _RAMP[min(int(place * len(_RAMP)), len(_RAMP) - 1)]
        else:
            mark = _MISSING if code == MISSING else " "
        if not coloured:
            out.append(mark * wide)
            continue
        colour = palette[min(int(place * len(palette)), len(palette) - 1)] if finite else ""
        shown = _FAILED if code in FAILURES else _MISSING if code == MISSING else " "
        out.append(_on(colour, shown.center(wide)))
    return "".join(out)


def _on(colour: str, body: str) -> str:
    """Return characters on a colour, on none where there is none."""
    if not colour:
        return f"\x1b[2m{body}\x1b[0m"
    r, g, b = colours.rgb(colour)
    ink = 15 if 0.3 * r + 0.59 * g + 0.11 * b < 110 else 16
    return f"\x1b[48;5;{_cube(r, g, b)}m\x1b[38;5;{ink}m{body}\x1b[0m"


def _cube(r: int, g: int, b: int) -> int:
    """Return the colour of a terminal's 256 that is nearest."""
    parts = [0 if c < 48 else 1 if c < 115 else (c - 35) // 40 for c in (r, g, b)]
    return 16 + 36 * parts[0] + 6 * parts[1] + parts[2]


def _legend(
    names: Sequence[str] | None, limits: tuple[float, float], palette: Sequence[str], coloured: bool
) -> str:
    if names is not None:
        marks = _STATUS if len(names) == len(_STATUS) else _REASONS
        pairs = [(_on(palette[i], " ") if coloured else marks[i], name) for i, name in enumerate(names)]
        return "  ".join(f"{mark} {name[:30]}" for mark, name in pairs)
    if coloured:
        steps = np.linspace(0, len(palette) - 1, 24).astype(int)
        ramp = "".join(_on(palette[i], " ") for i in steps)
    else:
        ramp = f"[{_RAMP}]"
    return f"{number(limits[0])} {ramp} {number(limits[1])}   {_FAILED} failed  {_MISSING} missing"
