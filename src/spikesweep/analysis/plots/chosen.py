"""What of a dataset a general figure shows: its variable, its axes, and what becomes of all others."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.grid.grid import POINT

BANDS = ("sd", "sem", "none")


@dataclass(frozen=True)
class Chosen:
    """A variable, which dimensions are drawn and how, and what is said of the others."""

    ds: xr.Dataset  #: coordinates of what is drawn
    values: xr.DataArray  #: over the dimensions that are drawn and those that are averaged
    x: str
    y: str | None
    hue: str | None
    panel: str | None
    averaged: tuple[str, ...]
    band: str
    said: tuple[str, ...]

    @property
    def columns(self) -> bool:
        """Return whether points are no grid."""
        return POINT.name in self.values.dims

    @property
    def along(self) -> str:
        """Return the dimension of x, which is another where x is a coordinate along it."""
        return self.x if self.x in self.values.dims else str(self.ds[self.x].dims[-1])

    @property
    def meanings(self) -> tuple[str, ...]:
        """Return what the values 0, 1, ... mean, where they mean something."""
        return tuple(str(self.values.attrs.get("flag_meanings", "")).split())

    @cached_property
    def mean(self) -> xr.DataArray:
        """Return the mean over what is averaged; of words that numbers stand for the highest."""
        if self.meanings:
            return self.values.max(self.averaged)
        return self.values.mean(self.averaged, keep_attrs=True)

    @cached_property
    def spread(self) -> xr.DataArray | None:
        """Return the SD, or the SEM, over what is averaged; None where there is none."""
        n = int(np.prod([self.values.sizes[dim] for dim in self.averaged]))
        if self.band == "none" or n < 2 or self.meanings:
            return None
        sd = self.values.std(self.averaged, ddof=1)
        return sd if self.band == "sd" else sd / np.sqrt(self.values.count(self.averaged))

    @property
    def hues(self) -> NDArray[np.float64]:
        """Return the values of the hue, as numbers."""
        if self.hue is None or self.ds[self.hue].dtype.kind not in "iufb":
            return np.zeros(1)
        return np.asarray(self.labels(self.hue), np.float64)

    def labels(self, dim: str) -> list[Any]:
        """Return the values of a dimension."""
        found: list[Any] = self.ds[dim].values.tolist()
        return found

    def at(self, label: Any) -> "Chosen":
        """Return the part of one panel."""
        assert self.panel is not None
        where = {self.panel: self.labels(self.panel).index(label)}
        return replace(self, values=self.values.isel(where), ds=self.ds.isel(where), panel=None)

    def curve(self, hue: Any) -> tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any]]:
        """Return mean, spread and x of a curve."""
        where = {} if self.hue is None else {self.hue: self.labels(self.hue).index(hue)}
        x = self.ds[self.x]
        x = x.isel({k: v for k, v in where.items() if k in x.dims})
        if more := [dim for dim in x.dims if dim != self.along]:
            x = x.mean(more)
        mean = self.mean.isel(where).transpose(self.along).values
        spread = None if self.spread is None else self.spread.isel(where).transpose(self.along).values
        return mean, spread, x.values

    def as_numbers(self) -> "Chosen":
        """Return the same with numbers in the place of words, which say what they mean."""
        names, codes = np.unique(self.values.values, return_inverse=True)
        values = self.values.copy(data=codes.reshape(self.values.shape))
        return replace(self, values=values.assign_attrs(flag_meanings=" ".join(map(str, names))))
