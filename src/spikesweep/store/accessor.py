"""`ds.sweep`: what a store holds beside its arrays, for whoever has its dataset or a part of it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.attributes import configuration_of, parameter, structure
from spikesweep.grid.grid import POINT
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.regular import on_grid
from spikesweep.grid.schema import DONE, counts_of
from spikesweep.grid.trials import best
from spikesweep.store import Reader, place, stored, tables
from spikesweep.store.arrays import version

#: Readings of what a running sweep may just be writing.
_ATTEMPTS = 4


@dataclass(frozen=True)
class _Cells:
    """Some cells of a ragged dimension."""

    labels: Mapping[str, xr.DataArray]  #: what is left of each dimension of the cells
    values: Mapping[str, Ragged]  #: by variable
    attrs: Mapping[str, Mapping[str, Any]]  #: of the variables

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Return how many values each cell has."""
        return next(iter(self.values.values())).sizes


@xr.register_dataset_accessor("sweep")
class SweepAccessor:
    """Ragged results of the dataset of a store, or of a part of it."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    @property
    def configuration(self) -> dict[str, Any]:
        """Return the configuration of the sweep."""
        return configuration_of(self._ds.attrs)

    def complete(self, *dims: str) -> xr.DataArray:
        """Return where all points along some dimensions have results, along all of them where none is named.

        Means over incomplete axes are means of what is there: `ds.rate.mean("seed")` is that of all seeds
        `.where(ds.sweep.complete("seed"))`. Raises InputError for dimensions that points do not have.
        """
        status = self._ds["status"]
        for dim in dims:
            if dim not in status.dims:
                raise InputError(f"{dim} is no dimension of points; {nearest(dim, map(str, status.dims))}")
        return status.isin(DONE).all(dims or None)

    def best(self) -> xr.Dataset:
        """Return the point that an `optimise` has found best, with its `loss`; raise InputError."""
        return best(self._ds, structure(self._ds.attrs.get("sample", {})))

    def on_grid(self, num: int | Mapping[str, int] = 64) -> xr.Dataset:
        """Return a regular view of points: every number on a grid of `num` values an axis, or by its name.

        Values are interpolated linearly between the points that have results; `NAME_error` is about how far
        they may be off there, by how far those points are from what their neighbours say. Axes take the place
        of `point`, over the ranges that were sampled or refined, else from the least to the largest value;
        outside of all points is NaN. `attrs["left_out"]` counts points without results. Raises InputError for
        a dataset without points, of words, or of more than four axes.
        """
        return on_grid(self._ds, num, structure(self._ds.attrs.get("sample", {})))

    def spikes(self, **labels: Any) -> xr.Dataset:
        """Return the spikes of the cells at some labels; the same as `ragged("spike", ...)`.

        >>> spikes = ss.open(path).sweep.spikes(fe=4, fi=10, seed=3, population="RS")  # doctest: +SKIP
        """
        return self.ragged("spike", **labels)

    def ragged(self, dimension: str, **labels: Any) -> xr.Dataset:
        """Return all variables along a ragged dimension, of the cells at some labels.

        A label is a value of a coordinate, or a list of them. Cells follow one another; a dimension of
        theirs that keeps several values becomes a coordinate that says whose each value is. Only these
        cells are read, from the store as it is now. Raises InputError for labels that are not there, and
        where no point of them has been computed; of several, those that have not are empty.
        """
        cells = self._cells(dimension, labels)
        out = xr.Dataset({k: (dimension, v.values, cells.attrs[k]) for k, v in cells.values.items()})
        for axis, (name, own) in enumerate(cells.labels.items()):
            columns = [c for c in own.coords.values() if name == POINT.name and c.dims in (own.dims, ())]
            for values in (own, *columns):
                if values.size == 1:
                    out.coords[values.name] = ((), values.values.ravel()[0], values.attrs)
                    continue
                shape = [-1 if i == axis else 1 for i in range(cells.sizes.ndim)]
                each = np.broadcast_to(values.values.reshape(shape), cells.sizes.shape)
                repeated = np.repeat(each.ravel(), cells.sizes.ravel())
                out.coords[values.name] = (dimension, repeated, values.attrs)
        return out

    def to_pandas(self, dimension: str | None = None, **labels: Any) -> Any:
        """Return a DataFrame with a row for each value of the cells at some labels, its columns.

        That of a sweep without ragged results, or with `dimension` "" or the name of a table (`tables`), has
        a row for each value of its variables: axes, variables and the status, in words, are columns.
        """
        if dimension is None:
            dimension = "spike" if counts_of("spike") in self._ds else ""
        if dimension in self.tables:
            return tables.table(tables.selected(self._ds, labels), dimension)
        return self.ragged(dimension, **labels).to_dataframe().reset_index(drop=True)

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that `to_pandas` and exports have."""
        return tuple(tables.tables(self._ds))

    def __repr__(self) -> str:
        """Return what the accessor has, and what of it this dataset has."""
        axes = [f"{name} {self._ds.sizes[name]}" for name in map(str, self._ds.dims)]
        lines = [f"spikesweep: {' x '.join(axes) or 'one value'}"]
        if (status := self._ds.get("status")) is not None and status.dtype.kind in "iu":
            n = int(status.isin(DONE).sum())
            lines.append(f"  {n} of {status.size} points have results")
        if "configuration" in self._ds.attrs:
            choices = " ".join(f"{k}={v}" for k, v in self.configuration["choices"].items())
            lines.append(f"  .configuration                 {choices}")
        lines.append("  .complete(DIM, ...)            where all points along dimensions have results")
        lines.append("  .to_pandas(**labels)           a row a value, or a row a spike")
        if counts_of("spike") in self._ds:
            lines.append("  .spikes(**labels)              spike times of cells; .to_neo(**labels) for Neo")
        return "\n".join(lines)

    def to_neo(self, *, neurons: int | None = None, **labels: Any) -> Any:
        """Return a neo.Block of the spikes at some labels: a segment a cell, a spike train a neuron.

        Trains last as long as the simulation. There are `neurons` in each segment, or else as many as the
        highest number that spiked in any says. Needs the package neo: pip install "spikesweep[neo]".
        """
        import neo  # late: optional

        cells = self._cells("spike", labels)
        times, units = cells.values["spike_times"].values, cells.attrs["spike_times"]["units"]
        neuron_of = cells.values.get("spike_neuron")
        whose = np.zeros(len(times)) if neuron_of is None else neuron_of.values
        n = int(whose.max(initial=-1)) + 1 if neurons is None else neurons
        block = neo.Block(name=str(self._store().path))
        stops = np.cumsum(cells.sizes).tolist()
        for index, size, stop in zip(np.ndindex(cells.sizes.shape), cells.sizes.ravel(), stops, strict=True):
            own = slice(stop - size, stop)
            where = {k: v.values[i] for i, (k, v) in zip(index, cells.labels.items(), strict=True)}
            segment = neo.Segment(**where)
            for neuron in range(n):
                train = times[own][whose[own] == neuron]
                # n steps of 0.1 ms may end a bit later than their duration: 3 x 0.1 > 0.3
                end = max(self._duration(where), float(times[own].max(initial=0.0)))
                segment.spiketrains.append(neo.SpikeTrain(train, units=units, t_stop=end, neuron=neuron))
            block.segments.append(segment)
        return block

    def _duration(self, where: Mapping[str, Any]) -> float:
        """Return how long the simulation of a point lasted (ms)."""
        duration = parameter(self._ds, "protocol.duration")
        if isinstance(duration, xr.DataArray):
            return float(duration.sel({str(dim): where[str(dim)] for dim in duration.dims}))
        return float(duration)

    def _store(self) -> Reader:
        source = self._ds.encoding.get("source")
        store = stored(place(source)) if source else None
        if store is None:
            raise InputError("this dataset is of no single store; allowed: one from ss.open(path), or a part")
        return store

    def _cells(self, dimension: str, labels: Mapping[str, Any]) -> _Cells:
        """Read the cells that are left by the part of the sweep that the dataset is, and by labels."""
        store = self._store()
        for _ in range(_ATTEMPTS - 1):
            with suppress(FileNotFoundError):  # a block has just been written again
                folder = version(store.path)
                cells = self._cells_now(store, dimension, labels)
                if version(store.path) == folder:  # else the store has just grown
                    return cells
        return self._cells_now(store, dimension, labels)

    def _cells_now(self, store: Reader, dimension: str, labels: Mapping[str, Any]) -> _Cells:
        now, counts = store.open(), counts_of(dimension)
        if counts not in now:
            known = [v.attrs["sample_dimension"] for v in now.values() if "sample_dimension" in v.attrs]
            raise InputError(f"{store.path} has nothing along {dimension!r}; {nearest(dimension, known)}")
        chosen = self._chosen(now, counts, labels)
        positions = {name: now.indexes[name].get_indexer(values.values) for name, values in chosen.items()}
        for name, found in positions.items():
            if (found < 0).any():
                raise InputError(f"{name} = {chosen[name].values[found < 0].tolist()} is not in {store.path}")
        status = now["status"].isel({dim: p for dim, p in positions.items() if dim in now["status"].dims})
        if not status.isin(DONE).any():
            raise InputError(
                f"no point of {dict(labels) or 'this part'} has results in {store.path}: missing or failed"
            )
        values, attrs = store.read_cells(dimension, positions)
        return _Cells(chosen, values, attrs)

    def _chosen(self, now: xr.Dataset, counts: str, labels: Mapping[str, Any]) -> dict[str, xr.DataArray]:
        """Return what is left of each dimension of the counts."""
        chosen = {}
        left = dict(labels)
        for name in map(str, now[counts].dims):
            part = self._ds[name] if name in self._ds.coords else now[name]
            if name not in self._ds.coords and name not in labels:
                raise InputError(f"{name} is not known of this part of the sweep; allowed: {name}=...")
            kept = np.ones(part.size, np.bool_)
            for key in [key for key in left if key == name or self._is_column(key, name)]:
                kept &= tables.wanted(key, np.atleast_1d(self._ds.get(key, part).values), left.pop(key))
            chosen[name] = part.expand_dims(name) if part.ndim == 0 else part
            chosen[name] = chosen[name][kept]
            if not kept.any():
                raise InputError(f"no point of this sweep has {dict(labels)}; allowed: those of one")
        for name in set(map(str, self._ds.get(counts, now[counts]).dims)) - set(chosen):
            raise InputError(f"this dataset is of no single store: it has the dimension {name}")
        for name in left:
            raise InputError(f"{name} is no label of this sweep; {nearest(name, chosen)}")
        return chosen

    def _is_column(self, key: str, dimension: str) -> bool:
        """Return whether a label is one of points that are no full grid."""
        return dimension == POINT.name and key in self._ds.coords and self._ds[key].dims in ((dimension,), ())
