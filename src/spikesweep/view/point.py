"""One point: its labels, its results, why it failed, its spikes, the command that replays it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep import trust
from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT
from spikesweep.grid.schema import FAILED, STATUS_MEANINGS
from spikesweep.view.labels import LONG, exact, named, number, plain_text
from spikesweep.view.picture import RANK
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted

#: Points of a cell that can be chosen, results that are listed, spikes that are read and drawn.
MOST_POINTS, MOST_RESULTS, MOST_SPIKES, DRAWN_SPIKES = 200, 40, 20_000_000, 20_000
#: Bins of the histogram.
BINS = 100
#: Words of a command that are no labels.
_OTHER_WORDS = ("models", "function")
MEANINGS = (*STATUS_MEANINGS.split(), "unreadable")

Index = dict[str, int]


def points_of(source: Source, view: Fitted, cell: Mapping[str, int]) -> list[Index]:
    """Return the points of a cell, those that failed first, then in their order; not too many."""
    space = source.space
    found = {**{d: i for d, i in view.fixed.items() if d in space.axes}, **cell}
    free = [d for d in space.axes if d not in found]
    index = tuple(found.get(d, slice(None)) for d in space.axes)
    status = np.asarray(source.status[index])
    failed = np.isin(status, (FAILED,)).ravel()
    order = np.argsort(~failed, kind="stable")[:MOST_POINTS]
    places = np.stack(np.unravel_index(order, status.shape), -1) if free else np.zeros((1, 0), np.int64)
    rows = (dict(zip(free, row, strict=True)) for row in places.tolist())
    return [{d: {**found, **row}[d] for d in space.axes} for row in rows]


def index_of(source: Source, labels: Sequence[tuple[str, str]]) -> Index | None:
    """Return the point of a link, None where there is none."""
    found = {d: source.space.dims[d].place(t) for d, t in labels if d in source.space.axes}
    whole = {d: i for d, i in found.items() if i is not None}
    return {d: whole[d] for d in source.space.axes} if {*whole} >= {*source.space.axes} else None


def labels_of(source: Source, index: Index) -> tuple[tuple[str, str], ...]:
    """Return a point as a link has it."""
    dims = source.space.dims
    return tuple((d, exact(_plain(dims[d].values[i]))) for d, i in index.items())


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def parameters(source: Source, index: Index) -> list[tuple[str, str]]:
    """Return the labels of a point with their units, its status, how long it took."""
    space, rows = source.space, []
    for name, value in source.point(index).items():
        units = (space.columns.get(name) or space.dims[name]).units
        rows.append((named(name, units), plain_text(exact(value))))
    rows.append(("status", MEANINGS[int(source.status[tuple(index.values())])]))
    seconds = source.seconds()[tuple(index.values())]
    return rows + (
        [("seconds a point, in its block", number(float(seconds)))] if np.isfinite(seconds) else []
    )


def results(source: Source, index: Index) -> list[tuple[str, str]]:
    """Return what is stored at a point: numbers, of longer results how many there are."""
    rows = []
    for name, own in source.space.variables.items():
        where = {d: i for d, i in index.items() if d in own}
        labelled = [d for d in own if d not in where]
        sizes = [len(source.space.dims[d].values) for d in labelled]
        title = named(name, source.space.attrs[name][0])
        if prod(sizes) > MOST_RESULTS:
            rows.append((title, f"{prod(sizes)} values over {', '.join(map(plain_text, labelled))}"))
            continue
        values = source.at(name, where)
        for place in np.ndindex(*sizes):
            texts = [plain_text(source.space.dims[d].values[i]) for d, i in zip(labelled, place, strict=True)]
            rows.append((" ".join([title, *texts]), number(float(values[place]))))
        if len(rows) > MOST_RESULTS:
            return [*rows[:MOST_RESULTS], ("...", "")]
    return rows


def traceback_of(source: Source, index: Index) -> str:
    """Return why a point failed when it last did, nothing where it did not."""
    if source.status[tuple(index.values())] != FAILED:
        return ""
    found = source.failures_at(index)
    if not found:
        return "no record of its failure is left"
    last = found[-1]
    where = f"{last.get('time', '')} on {last.get('host', '')}"
    return plain_text(f"{last.get('reason', '')}\n{where}\n\n{last.get('detail', '')}", LONG)


def replayed_labels(source: Source, view: Fitted, index: Index) -> dict[str, Any]:
    """Return the labels that name a point to `replay`, and the population that is looked at."""
    labels = source.point(index)
    populations = source.space.dims.get("population")
    if populations is not None and "population" not in source.space.axes:
        labels["population"] = str(populations.values[view.fixed.get("population", 0)])
    return labels


def command(source: Source, view: Fitted, index: Index) -> str:
    """Return the command that computes a point again, nothing where its labels would mean something else."""
    labels = replayed_labels(source, view, index)
    if not all(name.isidentifier() and name not in _OTHER_WORDS for name in labels):
        return ""
    words = [f"{name}={exact(value)}" for name, value in labels.items()]
    words += [f"models={folder}" for folder in trust.trusted_folders()]
    return plain_text(f"python -m spikesweep replay {shlex.join([str(source.place), *words])}", LONG)


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a cell, as they are drawn."""

    times: NDArray[np.float64]  #: some of them where there are too many
    neurons: NDArray[np.int64]
    units: str
    total: int
    edges: NDArray[np.float64]  #: of the histogram
    counts: NDArray[np.int64]  #: of all spikes


def spikes(source: Source, view: Fitted, index: Index) -> Spikes | None:
    """Return the spikes of a point, None where the store has none; raise InputError for too many."""
    name = source.space.ragged.get("spike")
    if name is None:
        return None
    where = {d: index.get(d, view.fixed.get(d, 0)) for d in source.space.variables[name]}
    n = int(source.at(name, where))
    if n > MOST_SPIKES:
        raise InputError(f"this point has {n} spikes; allowed: {MOST_SPIKES} on a page, ds.sweep.spikes(...)")
    cells, attrs = source.store.read_cells("spike", {d: np.array([i]) for d, i in where.items()})
    times = next((v for v in cells if cells[v].values.dtype.kind == "f"), None)
    if times is None:
        return None
    whose = next((v for v in cells if cells[v].values.dtype.kind in "iu"), None)
    when = cells[times].values.astype(np.float64)
    neurons = np.zeros(len(when), np.int64) if whose is None else cells[whose].values.astype(np.int64)
    finite = np.isfinite(when)
    when, neurons = when[finite], neurons[finite]
    counts, edges = np.histogram(when, BINS, (0.0, float(when.max(initial=1.0)) or 1.0))
    some = np.unique(np.linspace(0, max(len(when) - 1, 0), min(len(when), DRAWN_SPIKES)).astype(np.int64))
    units = str(attrs[times].get("units", "ms"))
    return Spikes(when[some], neurons[some], plain_text(units, 20), len(when), edges, counts)


def worst(source: Source, indices: Sequence[Index]) -> int:
    """Return which of some points to show first: the first of the most severe status."""
    return int(np.argmin([RANK[source.status[tuple(i.values())]] for i in indices])) if indices else 0


def text_of(source: Source, index: Index) -> str:
    """Return a point in one line, with its status."""
    names = source.point(index)
    return ", ".join(
        f"{plain_text(k, 20)} {plain_text(exact(v), 20)}" for k, v in names.items() if k != POINT.name
    )
