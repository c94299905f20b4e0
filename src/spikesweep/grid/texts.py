"""How times, sizes and places of a grid are told, and times read."""

from typing import Any

from numpy.typing import NDArray

from spikesweep.grid.grid import POINT, Block, Grid, label_text


def duration_text(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 0.1:
        return f"{1e3 * seconds:.2g} ms"
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def walltime_seconds(text: str) -> int:
    """Return a walltime (s) as queues have it: HH:MM, HH:MM:SS, D-HH:MM:SS."""
    days, _, rest = text.rpartition("-")
    hours, minutes, *seconds = map(int, rest.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + sum(seconds)


def size_text(n: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} TB"


def counted(n: int, what: str = "point") -> str:
    """Return how many of something there are, in words."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def place_text(grid: Grid, block: Block) -> str:
    """Return where a block lies: the first and the last value of each axis."""
    parts = []
    for name, values, a, b in zip(grid.names, grid.values, block.start, block.stop, strict=True):
        parts.append(_span(name, values[a:b]))
        if name == POINT.name:
            parts += [_span(axis.name, column[a:b]) for axis, column in grid.columns]
    return " ".join(parts)


def _span(name: str, values: NDArray[Any]) -> str:
    return f"{name}={label_text(values[0])}" + (f"..{label_text(values[-1])}" if len(values) > 1 else "")
