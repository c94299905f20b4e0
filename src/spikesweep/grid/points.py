"""Points that are no full grid: linked axes, a list, a sample, a grid with combinations left out.

Each gives columns of equal length, one entry a point; they end along the one dimension `point`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from spikesweep.errors import InputError, shown
from spikesweep.grid.conditions import Condition
from spikesweep.grid.designs import DESIGNS, unit_points
from spikesweep.grid.grid import POINT, Grid, refuse_many
from spikesweep.grid.labels import same_labels
from spikesweep.grid.priors import refuse_endless, sampled
from spikesweep.grid.schema import Axis
from spikesweep.plain_files import read_bounded

#: Points that are no full grid: each has a row of values.
MOST_ROWS = 10_000_000
#: Bytes of a list of points.
_MOST_BYTES = 64_000_000
#: Values of axes at the same points.
Table = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Sample:
    """How the axes given as ranges or distributions are filled: see `grid.designs` and `grid.priors`."""

    num: Annotated[int, Ge(1), Le(MOST_ROWS)] | None  #: points
    method: Literal[
        "latin_hypercube", "nested_latin_hypercube", "sobol", "random", "saltelli", "morris"
    ]  #: how they are spread
    seed: Annotated[int, Ge(0)]  #: of what is drawn

    def table(self, ranges: Mapping[str, tuple[Axis, Mapping[str, Any]]]) -> Table:
        """Return points of the ranges, by key of their axes; those that came twice stand once."""
        return self.drawn(ranges)[0]

    def drawn(self, ranges: Mapping[str, tuple[Axis, Mapping[str, Any]]]) -> tuple[Table, dict[str, Any]]:
        """Return points of the ranges, by key of their axes, and how they were drawn, by name of their axes.

        Points that came twice, of whole numbers or choices, stand once.
        """
        if self.num is None:
            names = ", ".join(axis.where for axis, _ in ranges.values())
            raise InputError(f"{names} is a range to sample; allowed: sample.num = the number of points")
        for axis, spec in ranges.values():  # a wrong range is told before points are made
            _, prior = sampled(axis, spec, np.array([0.5]))
            if self.method == "morris":  # whose levels are both ends and two between
                refuse_endless(axis, prior)
        refuse_many({"sample.num": self.num, self.method: DESIGNS[self.method].rows(len(ranges))}, MOST_ROWS)
        unit = unit_points(self.method, self.num, len(ranges), self.seed)
        found: Table = {}
        priors: dict[str, Any] = {}
        for (key, (axis, spec)), u in zip(ranges.items(), unit.T, strict=True):
            found[key], priors[axis.name] = sampled(axis, spec, u)
        codes = [np.unique(column, return_inverse=True)[1] for column in found.values()]
        _, first = np.unique(np.stack(codes), axis=1, return_index=True)
        recorded: dict[str, Any] = {
            "method": self.method,
            "num": self.num,
            "seed": self.seed,
            "priors": priors,
        }
        if drawn_by := DESIGNS[self.method].drawn_by:
            recorded["drawn_by"] = drawn_by()
        return {key: column[np.sort(first)] for key, column in found.items()}, recorded


def read_table(path: str) -> dict[str, list[Any]]:
    """Return the columns of a CSV file with a line of names; raise InputError for another file."""
    where = f"points = {shown(path)}"
    raw = read_bounded(path, _MOST_BYTES, where)
    try:
        # strict: what stands behind the end of a quoted cell would be joined to it
        reader = csv.reader(StringIO(raw.decode("utf-8-sig"), newline=""), skipinitialspace=True, strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{where} cannot be read: {error}; allowed: CSV in UTF-8") from error
    names = [name.strip() for name in rows[0][1]] if rows else []
    if len(rows) < 2 or len(set(names)) < len(names):
        raise InputError(f"{where} is refused; allowed: a line of distinct names, then points")
    if not all(names):
        raise InputError(f"{where}: column {names.index('') + 1} has no name; allowed: one for each column")
    for line, row in rows:
        if len(row) != len(names):
            raise InputError(f"{where}: line {line} has {len(row)} values for {len(names)} names")
    columns = zip(*(row for _, row in rows[1:]), strict=True)
    return {name: [_cell(v) for v in column] for name, column in zip(names, columns, strict=True)}


def _cell(text: str) -> Any:
    if "_" in text:  # 1_000 is a number to Python alone
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def arrange(
    axes: Mapping[str, Axis],
    values: Mapping[str, NDArray[Any]],
    tables: Sequence[Table],
    exclude: Sequence[str],
) -> Grid:
    """Return the grid of axes with `values` and of `tables`, all by key, without what is excluded.

    The tables and the axes that an exclusion names share the dimension `point`; the other axes keep their
    own, and so do all where nothing is excluded. Raises InputError for an axis that cannot be in a table, and
    where no point is left.
    """
    conditions = [Condition(text, axes) for text in exclude]
    named = {key for condition in conditions for key in condition.keys if key in values}
    if not tables and not _any_excluded(conditions, {key: values[key] for key in values if key in named}):
        named = set()  # a grid, as without the conditions
    tables = [*tables, *({key: values[key]} for key in values if key in named)]
    for key in (key for table in tables for key in table):
        if axes[key].whole:
            raise InputError(
                f"{axes[key].where} is computed as a whole; allowed: a list of values of its own"
            )
    free = sorted((key for key in values if key not in named), key=lambda key: axes[key].whole)
    own = tuple(axes[key] for key in free), tuple(values[key] for key in free)
    if not tables:
        return Grid(*own)
    refuse_many({", ".join(table): len(next(iter(table.values()))) for table in tables}, MOST_ROWS)
    columns = _product(tables)
    n = len(next(iter(columns.values())))
    keep = ~np.any([condition.holds(columns) for condition in conditions] or [np.zeros(n, bool)], axis=0)
    if not keep.any():
        raise InputError(f"exclude = {list(exclude)} leaves no point")
    columns = {key: column[keep] for key, column in columns.items()}
    _refuse_twice(axes, columns)
    numbers = np.arange(int(keep.sum()))
    return Grid((POINT, *own[0]), (numbers, *own[1]), tuple((axes[k], columns[k]) for k in columns))


def _any_excluded(conditions: Sequence[Condition], values: Table) -> bool:
    """Return whether a condition leaves out any combination of values."""
    if not values:
        return False
    refuse_many({key: len(column) for key, column in values.items()}, MOST_ROWS)
    columns = _product([{key: column} for key, column in values.items()])
    return any(condition.holds(columns).any() for condition in conditions)


def _product(tables: Sequence[Table]) -> Table:
    lengths = [len(next(iter(table.values()))) for table in tables]
    out: Table = {}
    for i, table in enumerate(tables):
        inner = prod(lengths[i + 1 :])
        outer = prod(lengths[:i])
        out |= {key: np.tile(np.repeat(column, inner), outer) for key, column in table.items()}
    return out


def _refuse_twice(axes: Mapping[str, Axis], columns: Table) -> None:
    keys = map(same_labels, columns.values())
    codes = np.stack([np.unique(column, return_inverse=True)[1] for column in keys])
    _, first, counts = np.unique(codes, axis=1, return_index=True, return_counts=True)
    if (counts > 1).any():
        i = first[counts > 1][0]
        point = ", ".join(f"{axes[key].name} = {column[i]}" for key, column in columns.items())
        raise InputError(f"the point {point} stands more than once; allowed: each point once")
