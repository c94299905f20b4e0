"""Results of unknown length, as spike trains: all values behind one another, and how many each cell has."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ragged:
    """Values of cells, in C order of the cells.

    A cell is one entry of what would be an ordinary array: a point, a population at a point.
    """

    values: NDArray[Any]  #: shape (the sum of sizes,)
    sizes: NDArray[np.int64]  #: how many values each cell has

    def __post_init__(self) -> None:
        """Refuse what is not consistent; raise ValueError."""
        if self.values.ndim != 1 or self.sizes.dtype.kind != "i" or (self.sizes < 0).any():
            raise ValueError("ragged values have one dimension, and sizes are whole numbers")
        if self.sizes.sum() != len(self.values):
            raise ValueError(
                f"the sizes of ragged cells are {self.sizes.sum()} values, not {len(self.values)}"
            )

    def take(self, cells: NDArray[np.int64]) -> "Ragged":
        """Return the cells of these numbers, -1 for an empty one, with the shape of `cells`."""
        there = np.append(self.sizes.ravel(), 0)
        starts = np.append(np.cumsum(there) - there, 0)
        sizes = there[cells]
        flat = sizes.ravel()
        shift = starts[cells].ravel() - (np.cumsum(flat) - flat)
        return Ragged(self.values[np.repeat(shift, flat) + np.arange(flat.sum())], sizes.astype(np.int64))

    def rearranged(self, change: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> "Ragged":
        """Return the cells as `change` rearranges an array of their shape."""
        return self.take(change(np.arange(self.sizes.size).reshape(self.sizes.shape)))

    def __getitem__(self, where: Any) -> "Ragged":
        """Return the cells at an index of an array of their shape."""
        return self.rearranged(lambda cells: cells[where])

    def cell_is(self, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return for each cell whether all of its values are, given which values are."""
        found = np.ones(self.sizes.size, np.bool_)
        found[np.repeat(np.arange(self.sizes.size), self.sizes.ravel())[~good]] = False
        return found.reshape(self.sizes.shape)


class Cells:
    """Ragged cells to be, filled by assignment like an ordinary array."""

    def __init__(self, index: NDArray[np.int64], parts: list[Ragged], dtype: Any) -> None:
        self._index, self._parts, self._dtype = index, parts, dtype

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: Any) -> "Cells":
        """Return cells that hold nothing."""
        return cls(np.full(shape, -1), [], dtype)

    @classmethod
    def of(cls, ragged: Ragged) -> "Cells":
        """Return cells that hold what is given."""
        cells = cls.empty(ragged.sizes.shape, ragged.values.dtype)
        cells[...] = ragged
        return cells

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the cells."""
        return self._index.shape

    def reshape(self, *shape: int) -> "Cells":
        """Return the same cells under another shape: what is assigned there is here too."""
        return Cells(self._index.reshape(shape), self._parts, self._dtype)

    def __setitem__(self, where: Any, values: Ragged) -> None:
        first = sum(part.sizes.size for part in self._parts)
        self._index[where] = np.arange(first, first + values.sizes.size).reshape(values.sizes.shape)
        self._parts.append(values)

    def ragged(self) -> Ragged:
        """Return what the cells hold now."""
        values = [np.empty(0, self._dtype), *(part.values for part in self._parts)]
        sizes = [np.empty(0, np.int64), *(part.sizes.ravel() for part in self._parts)]
        return Ragged(np.concatenate(values).astype(self._dtype), np.concatenate(sizes)).take(self._index)


def fillable(values: NDArray[Any] | Ragged) -> Any:
    """Return an array, or cells, that can be assigned to."""
    return Cells.of(values) if isinstance(values, Ragged) else values


def filled(values: Any) -> Any:
    """Return what was filled: an array, or ragged cells."""
    return values.ragged() if isinstance(values, Cells) else values
