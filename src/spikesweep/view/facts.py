"""What is told of a sweep in words: how far it is, how fast, what it was made with, what cannot be read."""

import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikesweep.grid.schema import COMPUTED, FAILURES, MISSING, NOT_ASKED
from spikesweep.grid.texts import duration_text
from spikesweep.view.labels import LONG, plain_text
from spikesweep.view.point import MEANINGS
from spikesweep.view.source import Source

#: The pace is that of the last part of the blocks, and of so many at least.
_PART, _LEAST = 0.25, 8
#: A sweep whose last block is so many times older than blocks are apart, and so many seconds, stands still.
_PAUSE, _STILL = 20.0, 30.0


@dataclass(frozen=True)
class Progress:
    """How far a sweep is."""

    counts: dict[str, int]  #: points by status
    asked: int  #: points that were ever asked for
    done: int
    failed: int
    missing: int
    rate: float  #: points a second of late, NaN where that is not known
    age: float  #: seconds since something was written, NaN where that is not known
    runs: bool  #: whether it seems to go on

    @property
    def part(self) -> float:
        """Return the part of what was asked for that is not missing."""
        return 1.0 - self.missing / self.asked if self.asked else 1.0

    def __str__(self) -> str:
        """Return all of it in a line."""
        parts = [f"{self.done} of {self.asked} points done ({self.part:.0%})" if self.asked else "no points"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.missing} missing"] if self.missing else []
        if self.runs and np.isfinite(self.rate):
            left = duration_text(self.missing / self.rate)
            parts.append(f"{self.rate:.3g} points/s, about {left} left")
        elif self.missing and np.isfinite(self.age):
            parts.append(f"nothing new for {duration_text(self.age)}")
        return ", ".join(parts)


def progress(source: Source) -> Progress:
    """Return how far a sweep is, by its store alone."""
    found = np.bincount(source.status.ravel(), minlength=len(MEANINGS))
    counts = dict(zip(MEANINGS, map(int, found), strict=True))
    missing = int(found[MISSING])
    rate, age, gap = _pace(source.times)
    return Progress(
        counts,
        asked=source.status.size - int(found[NOT_ASKED]),
        done=int(found[list(COMPUTED)].sum()),
        failed=int(found[list(FAILURES)].sum()),
        missing=missing,
        rate=rate,
        age=age,
        runs=bool(missing) and age < max(_PAUSE * gap, _STILL),
    )


def _pace(times: list[tuple[float, int]]) -> tuple[float, float, float]:
    """Return points a second of late, seconds since the last block and between blocks; NaN if not known."""
    if not times:
        return np.nan, np.nan, np.nan
    age = max(0.0, time.time() - times[-1][0])
    late = times[-max(_LEAST, int(_PART * len(times))) :]
    whole = late[-1][0] - late[0][0]
    if len(late) < 2 or whole <= 0:
        return np.nan, age, np.nan
    return sum(n for _, n in late[1:]) / whole, age, whole / (len(late) - 1)


def configuration(source: Source) -> str:
    """Return what a sweep was made with, as text."""
    attrs = source.attrs
    kept: dict[str, Any] = {k: attrs.get(k) for k in ("created", "git_commit", "versions", "configuration")}
    return plain_text(json.dumps(kept, indent=2, default=str, ensure_ascii=False), LONG)


def axes_text(source: Source) -> str:
    """Return the axes with their ranges, a line each: what is asked for."""
    lines, space = [], source.space
    for name in space.axes:
        lines.append(_range(name, space.dims[name]))
    lines += [_range(f"  {name}", column) for name, column in space.columns.items()]
    return "\n".join(lines)


def _range(name: str, dim: Any) -> str:
    values = dim.values
    ends = f": {plain_text(values[0])} to {plain_text(values[-1])}" if len(values) else ""
    units = "" if dim.units in ("", "1") else f" {plain_text(dim.units, 20)}"
    return f"{plain_text(name)} {len(values)}{ends}{units}  {plain_text(dim.long_name, 80)}"


def problems(source: Source, most: int = 5) -> str:
    """Return what cannot be read, the first of it."""
    found = list(source.problems.values())
    more = f"\nand {len(found) - most} more" if len(found) > most else ""
    return "\n".join(plain_text(text, 300) for text in found[:most]) + more
