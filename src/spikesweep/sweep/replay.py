"""Points computed again from what the store itself says, and compared with what it holds."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spikesweep import store as stores
from spikesweep.config.compose import interpolated
from spikesweep.contract import lacking
from spikesweep.errors import InputError, nearest
from spikesweep.grid.attributes import cell_names
from spikesweep.grid.grid import POINT, Block, Grid, label_text
from spikesweep.grid.labels import is_label
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import COMPUTED, FAILED, NON_FINITE
from spikesweep.protocols.base import Traced
from spikesweep.store.growth import stored_labels
from spikesweep.sweep.blocks import results
from spikesweep.sweep.experiment import assemble
from spikesweep.sweep.job import Job, summary_of
from spikesweep.sweep.stored_text import refuse_resolved
from spikesweep.sweep.swept import Derived, Parameters, lane_keys, places_of
from spikesweep.sweep.swept_keys import parameters as known_parameters

if TYPE_CHECKING:
    import xarray as xr

#: Statuses of points whose values have been computed.
_KNOWN = (*COMPUTED, NON_FINITE)


def rebuilt(store: stores.Store) -> Job:
    """Return the job of a store, from its stored configuration alone; raise InputError."""
    stored = store.attrs["configuration"]
    refuse_resolved(stored)
    protocol, network = assemble(stored)
    own, swept = {axis.name: axis for axis in protocol.axes} | {POINT.name: POINT}, store.swept()
    axes = {name: swept.get(name) or own[name] for name in (*store.axis_values(), *store.columns())}
    grid = Grid(
        tuple(axes[name] for name in store.axis_values()),
        tuple(store.axis_values().values()),
        tuple((axes[name], values) for name, values in store.columns().items()),
    )
    summary = summary_of(stored, protocol)
    if not swept:
        return Job(protocol, network, grid, store.path, stored, summary=summary)
    known = known_parameters(stored)
    texts = stored.get("interpolated", {})
    keys = tuple(axis.key for axis in grid.swept)
    names = tuple(axis.name for axis in grid.swept)

    def resolved(key: str, row: tuple[Any, ...]) -> Any:
        changes = dict(zip(keys, row, strict=True))
        return known[key].check(interpolated(stored, texts, changes)[key])

    derived = {key: Derived(text, names, _Table(partial(resolved, key))) for key, text in texts.items()}
    cells = cell_names(stored["network"])
    places = {key: places_of(key, cells) if key in known else () for key in (*keys, *texts)}
    lanes = lane_keys({"protocol": protocol, "network": network}, places)
    asked = protocol.coordinates(network)
    stays = summary.coordinates(asked) if summary else asked
    labels = {**asked, **stored_labels(store, {n: each for n, each in asked.items() if n in stays})}
    parameters = Parameters(protocol, network, grid.swept, derived, places, lanes, labels)
    return Job(protocol, network, grid, store.path, stored, parameters=parameters, summary=summary)


class _Table(dict[tuple[Any, ...], Any]):
    """The values of an interpolation, by those of what is swept: resolved when asked for."""

    def __init__(self, resolve: Callable[[tuple[Any, ...]], Any]) -> None:
        super().__init__()
        self._resolve = resolve

    def __missing__(self, row: tuple[Any, ...]) -> Any:
        return self._resolve(row)


class OtherResult(ArithmeticError):
    """A stored value that does not come out when it is computed again."""


def replay(store: stores.Store, labels: Mapping[str, Any], neuron: int = 0) -> "xr.Dataset":
    """Compute one point again, with full traces where its protocol has them, else return what is stored.

    `labels` are the point's values on the axes and, where there are traces of several populations,
    `population`. An axis with one value may be left out. Raises InputError for a point that the store does
    not hold or has not computed, OtherResult if its stored value does not come out, and for a point that
    failed what it failed with.
    """
    job = rebuilt(store)
    _refuse_labels(store, job, labels, neuron)
    index = _index(job.grid, labels)
    block = _block(job.grid, index)
    points = job.grid.points(block)
    status = _asked_status(store, job, block, labels)
    try:
        again = results(job, points)
        told: Any = again.pop("failures", {})
        if told:
            raise RuntimeError(told[0][1])
    except Exception as error:
        if not np.isin(status, _KNOWN).any():
            raise
        text = f"{dict(labels)} is computed together with points of {store.path} that fail"
        raise InputError(f"{text} ({error}); allowed: others") from error
    _refuse_without_results(store, status, labels)
    if not _equal(store, again, block):
        raise OtherResult(f"{store.path} does not hold what {dict(labels)} gives now")
    if not _traced(job, labels):
        return store.open().isel(index)
    protocol, network, called = job.protocol, job.network, points
    if job.parameters is not None:
        (call,) = job.parameters.calls(points)
        protocol, network, called = call.protocol, call.network, call.points
    point = {name: values[0].item() for name, values in called.items()}
    population = labels.get("population", next(iter(network.populations)))
    ds: xr.Dataset = cast(Traced, protocol).trace(network, point, population, neuron)
    plain = {name: values[0].item() for name, values in points.items()}
    return ds.assign_attrs(**plain, population=population, neuron=neuron)


def _traced(job: Job, labels: Mapping[str, Any]) -> bool:
    """Return whether these labels ask for traces, which the protocol has."""
    has, named = not lacking(job.protocol, Traced), "population" in labels
    return has and (named or len(job.network.populations) == 1 or not job.protocol.stored_without_population)


def _refuse_labels(store: stores.Store, job: Job, labels: Mapping[str, Any], neuron: int) -> None:
    for name in labels:
        if name not in (known := (*job.grid.coordinates, "population")):
            raise InputError(f"{name} is no axis of {store.path}; {nearest(name, known)}")
    populations = list(job.network.populations) if job.network is not None else []
    population, several = labels.get("population"), _traced(job, labels) and len(populations) > 1
    if population not in populations and (several or population is not None):
        raise InputError(f"population = {population!r}; allowed: {', '.join(populations)}")
    n_neurons = int(job.grid.whole.get("pop_size", np.ones(1)).max())
    if not 0 <= neuron < n_neurons:
        raise InputError(f"neuron = {neuron} is refused; allowed: 0 to {n_neurons - 1}")


def _asked_status(
    store: stores.Store, job: Job, block: Block, labels: Mapping[str, Any]
) -> NDArray[np.uint8]:
    """Return the status of a point at those of its values on whole axes that are asked for."""
    _, status = store.read_block(block)
    for i, (axis, values) in enumerate(zip(job.grid.axes, job.grid.values, strict=True)):
        if axis.whole and axis.name in labels:
            status = status.take(np.flatnonzero(is_label(values, labels[axis.name])), axis=i)
    return status


def _refuse_without_results(
    store: stores.Store, status: NDArray[np.uint8], labels: Mapping[str, Any]
) -> None:
    if np.isin(status, _KNOWN).any():
        return
    text, remedy = "is not computed yet", "a point that is"
    if (status == FAILED).any():
        text, remedy = "failed before and does not now", "the same run with retry=failed"
    raise InputError(f"{dict(labels)} of {store.path} {text}; allowed: {remedy}")


def verify(store: stores.Store, k: int, rng: np.random.Generator) -> dict[str, Any]:
    """Compute `k` random finished points again; return how many, and those that came out otherwise."""
    job = rebuilt(store)
    status = store.status()
    # where some values of a point's whole axes failed, the others cannot be computed again without them
    axes = tuple(i for i, axis in enumerate(job.grid.axes) if axis.whole)
    whole = ~(status == FAILED).any(axis=axes, keepdims=True)
    done = np.argwhere(np.isin(status, COMPUTED) & whole)
    chosen = rng.choice(done, min(k, len(done)), replace=False)
    other = []
    for where in chosen:
        index = dict(zip(job.grid.names, where.tolist(), strict=True))
        block = _block(job.grid, index)
        if not _equal(store, results(job, job.grid.points(block)), block):
            point = {
                name: values[index.get(name, index.get(POINT.name))]
                for name, values in job.grid.coordinates.items()
            }
            other.append({name: value.item() for name, value in point.items()})
    return {"verified": len(chosen), "different": other}


def _equal(store: stores.Store, again: Mapping[str, NDArray[Any] | Ragged], block: Block) -> bool:
    """Compare every bit that is stored of a point, its whole axes included, with what came out again.

    Along whole axes only some values may have been computed. What does not have these axes, as spikes of
    all neurons, is compared where all have been.
    """
    stored, status = store.read_block(block)
    known = np.isin(status, _KNOWN)
    for name, found in stored.items():
        new = again[name]
        if isinstance(found, Ragged) or len(store.axes_of(name)) < len(store.axes):
            if known.all() and not _same_bits(found, new):
                return False
        elif isinstance(new, Ragged) or found.size != new.size:
            return False
        elif not _same_bits(found[..., known], new.reshape(found.shape)[..., known]):
            return False
    return True


def _same_bits(a: NDArray[Any] | Ragged, b: NDArray[Any] | Ragged) -> bool:
    if isinstance(a, Ragged) and isinstance(b, Ragged):
        return _same_bits(a.sizes, b.sizes) and _same_bits(a.values, b.values)
    if isinstance(a, Ragged) or isinstance(b, Ragged):
        return False
    return np.array_equal(a.ravel(), b.ravel(), equal_nan=a.dtype.kind == "f")


def _block(grid: Grid, index: Mapping[str, int]) -> Block:
    """Return the points at an index of every cut axis."""
    bounds = [
        (0, n) if axis.whole else (index[axis.name], index[axis.name] + 1)
        for axis, n in zip(grid.axes, grid.shape, strict=True)
    ]
    start, stop = zip(*bounds, strict=True)
    return Block(start, stop)


def _index(grid: Grid, labels: Mapping[str, Any]) -> dict[str, int]:
    """Return the place of labels on every cut axis; points that are no grid are found by their values."""
    found = {}
    for axis, values in zip(grid.axes, grid.values, strict=True):
        columns = {a.name: v for a, v in grid.columns if a.name in labels}
        if axis.name == POINT.name and columns:
            here = np.all([is_label(v, labels[name]) for name, v in columns.items()], axis=0)
            if POINT.name in labels:
                here &= values == labels[POINT.name]
            if here.sum() != 1:
                names = ", ".join(columns)
                raise InputError(f"{names}: {here.sum()} points have these values; allowed: those of one")
            found[axis.name] = int(np.argmax(here))
        elif axis.whole and axis.name in labels:
            _place(axis.name, values, labels[axis.name])
        elif not axis.whole:
            found[axis.name] = _place(axis.name, values, labels.get(axis.name))
    return found


def _place(name: str, values: NDArray[Any], wanted: Any) -> int:
    if wanted is None and len(values) == 1:
        return 0
    found = np.flatnonzero(is_label(values, wanted))
    if len(found) != 1:
        shown = ", ".join(map(label_text, values[:8]))
        raise InputError(f"{name} = {wanted}; allowed: one of {shown}{', ...' if len(values) > 8 else ''}")
    return int(found[0])
