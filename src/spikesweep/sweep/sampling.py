"""The sample of a sweep: its points, how they were drawn as a store records it, and what cannot grow."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from spikesweep.config.options import Options
from spikesweep.errors import InputError, OtherSweepError
from spikesweep.grid.designs import DESIGNS
from spikesweep.grid.grid import Grid
from spikesweep.grid.points import Table
from spikesweep.grid.schema import Axis


def drawn(
    options: Options, ranges: Mapping[str, tuple[Axis, Mapping[str, Any]]]
) -> tuple[Table, dict[str, Any]]:
    """Return the points of the ranges, by key of their axes, and their record; raise InputError."""
    if options.chosen:
        return options.chosen.drawn(ranges, options.round.points if options.round else None)
    design = DESIGNS[options.sample.method]
    if design.blocks and options.exclude:
        raise InputError(
            f"exclude = {list(options.exclude)} is refused: {options.sample.method} needs all points of its "
            f"{design.blocks}; allowed: another sample.method"
        )
    table, record = options.sample.drawn(ranges)
    return table, record | ({"exclude": list(options.exclude)} if options.exclude else {})


def refuse_other_size(grid: Grid, stored: Mapping[str, NDArray[Any]]) -> None:
    """Refuse a sample that cannot hold stored points, values by axis, because they are of another number."""
    if not grid.sample or grid.sample["method"] not in DESIGNS or DESIGNS[grid.sample["method"]].grows:
        return
    num, method, priors = (grid.sample[name] for name in ("num", "method", "priors"))
    for axis, values in grid.columns:
        there = stored.get(axis.name, values)
        if axis.name in priors and len(there) != len(values):
            grow = ", ".join(name for name, design in DESIGNS.items() if design.grows)
            raise OtherSweepError(
                f"sample.num = {num}: a {method} sample of that size holds none of the {len(there)} points "
                f"that are stored; one dataset of both: a sample.method that grows: {grow}"
            )
