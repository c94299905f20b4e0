"""What a store says of its sweep: attributes, axes, labels, variables, the status of every point."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from spikesweep.errors import DamagedError
from spikesweep.grid.attributes import decoded
from spikesweep.grid.grid import Block, blocks_of
from spikesweep.grid.schema import Axis
from spikesweep.store import ragged
from spikesweep.store.arrays import arrays, dims, opened, results
from spikesweep.store.records import Records


class Description(Records):
    """The part of a store that describes it."""

    @property
    def attrs(self) -> dict[str, Any]:
        """Return the attributes of the sweep."""
        return decoded(opened(self.path).attrs)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Return the shape of a block."""
        return tuple(int(n) for n in self._arrays["status"].chunks)

    @property
    def axes(self) -> tuple[str, ...]:
        """Return the names of the axes, in the order of the dims of `status`."""
        return dims(self._arrays["status"])

    def axes_of(self, name: str) -> tuple[str, ...]:
        """Return the axes that a variable has, which are its last dims."""
        return tuple(dim for dim in dims(self._cells(name)) if dim in self.axes)

    @property
    def variables(self) -> list[str]:
        """Return the names of the variables that blocks hold, without `status`."""
        return [*results(self.path), *self.ragged]

    @property
    def ragged(self) -> dict[str, str]:
        """Return the names of the ragged variables, each with its dimension."""
        found = ragged.dimensions(self._arrays)
        return {name: dimension for dimension in found for name in ragged.template(self.path, dimension)}

    def axis_values(self) -> dict[str, NDArray[Any]]:
        """Return the values of each axis that is a dimension."""
        return {name: self._values(name) for name in self.attrs["axes"]}

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the values of each axis along `point`, where the points are no full grid."""
        return {name: self._values(name) for name in self.attrs["columns"]}

    def swept(self) -> dict[str, Axis]:
        """Return the axes that sweep a value of the configuration."""
        found = {}
        for name in (*self.attrs["axes"], *self.attrs["columns"]):
            attrs = self._arrays[name].attrs
            if "key" in attrs:
                units, text, key = (str(attrs[k]) for k in ("units", "long_name", "key"))
                found[name] = Axis(name, units, text, -np.inf, key=key, base=attrs.get("configured"))
        return found

    def described(self, name: str) -> tuple[tuple[str, ...], dict[str, Any]] | None:
        """Return the dims and attributes of an array as xarray has them; None where there is none."""
        if (array := self._arrays.get(name)) is None:
            return None
        return dims(array), dict(array.attrs)

    def label_values(self, name: str) -> NDArray[Any]:
        """Return the labels along a dimension beyond the axes'."""
        return self._values(name)

    def _values(self, name: str) -> NDArray[Any]:
        values = self._whole(name)
        return values if values.dtype.kind in "biuf" else np.array(values.tolist())

    def status(self) -> NDArray[np.uint8]:
        """Return the status of every point; raise DamagedError where it cannot be read."""
        return self._whole("status")

    def _whole(self, name: str) -> NDArray[Any]:
        try:
            return np.asarray(self._arrays[name][:])
        except (RuntimeError, ValueError) as error:  # whatever a codec says of a damaged chunk
            raise DamagedError(f"{self.path}, {name}", str(error), self._repair) from error

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks."""
        return blocks_of(self._arrays["status"].shape, self.chunks)

    @property
    def _repair(self) -> str:
        return "python -m spikesweep check of the store that was pushed here, then push it again"

    @property
    def _arrays(self) -> dict[str, zarr.Array[Any]]:
        return arrays(self.path)

    def _cells(self, name: str) -> zarr.Array[Any]:
        """Return the array whose entries are a variable's cells: its own, or that of its counts."""
        if name in self._arrays:
            return self._arrays[name]
        return self._arrays[ragged.dimensions(self._arrays)[self.ragged[name]]]
