"""The results of one point as a dataset of their own: what a summary is called with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Labels, Variable, coordinate

if TYPE_CHECKING:
    import xarray as xr


def datasets(
    variables: Sequence[Variable],
    labels: Labels,
    found: Mapping[str, NDArray[Any] | Ragged],
    points: Mapping[str, NDArray[Any]],
    whole: Mapping[str, NDArray[Any]],
    told: Mapping[str, Any],
) -> Callable[[tuple[int, ...]], "xr.Dataset"]:
    """Return what gives the results at an index (point, values of whole axes) as a Dataset of their own.

    `told` are its attributes.
    """
    import xarray as xr  # late: a sweep alone needs none

    coords = {name: coordinate(name, values) for name, values in labels.items()}
    base = xr.Dataset(coords=coords).coords

    def at(index: tuple[int, ...]) -> xr.Dataset:
        i, *rest = index
        parts = {n: v[j] for (n, v), j in zip(whole.items(), rest, strict=True)}
        here = {name: xr.Variable((), values[i]) for name, values in points.items()}
        here |= {name: xr.Variable((), value) for name, value in parts.items()}
        data: dict[str, Any] = {}
        for v in variables:
            own = [j for j, name in zip(rest, whole, strict=True) if name not in v.without]
            where: Any = (..., i, *own)
            data |= dict(_of_point(v, found[v.name][where]))
        return xr.Dataset(data, base, told).assign_coords(here)

    return at


def _of_point(v: Variable, values: Any) -> Iterator[tuple[str, Any]]:
    """Yield a variable of one point: of a ragged one all its values, and how many each cell has."""
    attrs = {"units": v.units, "long_name": v.long_name, **({"optional": 1} if v.optional else {})}
    if isinstance(values, Ragged):
        yield v.name, ((v.ragged,), values.values, attrs)
        yield v.counts, (v.dims, values.sizes, {"units": "1"})
    else:
        yield v.name, (v.dims, values, attrs)
