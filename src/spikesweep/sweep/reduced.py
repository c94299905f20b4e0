"""What is stored of the results of a call: all of them, or what a summary makes of each point's."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.grid import Block, Grid
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import DONE, FAILED, GATED, MISSING, NON_FINITE, OK, Variable
from spikesweep.protocols.point_results import datasets
from spikesweep.protocols.summary import Filled, Summary
from spikesweep.sweep.swept import Parameters

if TYPE_CHECKING:
    import xarray as xr

Points = Mapping[str, NDArray[Any]]
Results = dict[str, NDArray[Any] | Ragged]
#: Points at which functions are tried before a sweep, until they work.
_TRIED = 8
#: What a summary is told of a protocol, as attributes of a point's results.
_TOLD = ("duration", "discard", "dt")


def called(
    protocol: Any, network: Any, given: Points, points: Points, whole: Points, summary: Summary | None
) -> Results:
    """Return what is stored of a call of a protocol with what is `given` for some points.

    Raises KeyError where a declared variable is not there.
    """
    found: Results = dict(protocol(network, given, whole))
    if lost := [variable.name for variable in protocol.variables if variable.name not in found]:
        raise KeyError(f"{type(protocol).__name__} declares {', '.join(lost)}, but returned {[*found]}")
    return found if summary is None else _reduced(protocol, network, found, points, whole, summary)


def status_of(variables: Sequence[Variable], whole: Points, new: Results, n: int) -> NDArray[np.uint8]:
    """Return what a call reports of its n points, and what their values say where it reports nothing."""
    status = np.full((n, *(len(v) for v in whole.values())), OK, np.uint8)
    for variable in variables:
        found = new[variable.name]
        values = found.values if isinstance(found, Ragged) else found
        if values.dtype.kind == "f" and not variable.optional:
            each = np.isfinite(values)
            cells = found.cell_is(each) if isinstance(found, Ragged) else each
            finite = cells.all(axis=tuple(range(len(variable.dims))))
            lacking = [1 + i for i, name in enumerate(whole) if name in variable.without]
            status[np.broadcast_to(~np.expand_dims(finite, lacking), status.shape)] = NON_FINITE
    reported: Any = new.get("status", MISSING)
    return np.where(reported != MISSING, reported, status).astype(np.uint8)


def _reduced(
    protocol: Any, network: Any, found: Results, points: Points, whole: Points, summary: Summary
) -> Results:
    """Return what a summary makes of results; points without any, or outside of a gate, have none."""
    failures: dict[int, Any] = dict(found.get("failures", {}))  # type: ignore[arg-type]
    status = status_of(protocol.variables, whole, found, len(next(iter(points.values()))))
    status[[*failures]] = FAILED
    _gate(summary, protocol.variables, found, status, whole)
    at = _datasets(protocol, network, found, points, whole)
    filled = Filled(summary, status.shape)
    for index in map(tuple, np.argwhere(np.isin(status, DONE)).tolist()) if summary.functions else ():
        if index[0] not in filled.failures:
            filled.put(index, at(index))
    status[[*filled.failures]] = FAILED
    _gate(summary, [v for v in summary.variables if v not in summary.own], filled.arrays, status, whole)
    kept = {variable.name: found[variable.name] for variable in summary.own}
    whole_call: dict[str, Any] = {"status": status, "failures": failures | filled.failures}
    return {**kept, **filled.arrays, **whole_call}


def _gate(
    summary: Summary,
    variables: Sequence[Variable],
    found: Mapping[str, Any],
    status: NDArray[np.uint8],
    whole: Points,
) -> None:
    """Say of points with results outside of a gate that they are: any population, any entry."""
    for variable in variables:
        if variable.name in summary.gates:
            outside = summary.outside(variable.name, found[variable.name])
            any_is = outside.any(axis=tuple(range(len(variable.dims))))
            lacking = [1 + i for i, name in enumerate(whole) if name in variable.without]
            here = np.broadcast_to(np.expand_dims(any_is, lacking), status.shape)
            status[here & np.isin(status, DONE)] = GATED


def _datasets(protocol: Any, network: Any, found: Results, points: Points, whole: Points) -> Any:
    told = {name: getattr(protocol, name) for name in _TOLD if hasattr(protocol, name)}
    return datasets(protocol.variables, protocol.coordinates(network), found, points, whole, told)


def first_results(
    protocol: Any, network: Any, grid: Grid, parameters: Parameters | None
) -> "Iterator[xr.Dataset]":
    """Yield the results of a sweep's first points, of which each is simulated when it is asked for."""
    whole = grid.whole
    cut = [1 if axis.whole else n for axis, n in zip(grid.axes, grid.shape, strict=True)]
    for index in islice(np.ndindex(*cut), _TRIED):
        ends = [n if axis.whole else i + 1 for axis, n, i in zip(grid.axes, grid.shape, index, strict=True)]
        points = grid.points(Block(index, tuple(ends)))
        given = points
        if parameters is not None:
            (call,) = parameters.calls(points)
            protocol, network, given = call.protocol, call.network, call.points
        found: Results = dict(protocol(network, given, whole))
        status = status_of(protocol.variables, whole, found, 1)
        done = np.argwhere(np.isin(status, DONE))
        if len(done) and not found.get("failures"):
            yield _datasets(protocol, network, found, points, whole)(tuple(done[0].tolist()))
