"""Which points of a store were ever asked for: requests, each the labels of every axis, beside the arrays.

A store that grows by another part holds every combination of all labels, also those that nobody asked for.
Their status on the disk is that of what is missing: a run of the whole would compute them. `Reader.told`
and `Reader.open` tell them apart. Where there is no record, all points were asked for.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.grid.grid import Grid
from spikesweep.grid.labels import same_labels
from spikesweep.grid.schema import MISSING, NOT_ASKED
from spikesweep.store import durable, plain
from spikesweep.store.records import HIDDEN, guarded, unguarded
from spikesweep.store.remote import Place

Request = Mapping[str, list[Any]]
_NAME = "asked.json"


def requests(path: Place) -> list[Request] | None:
    """Return the requests that a store was made of, None where it was one, or where that is not known."""
    try:
        return list(unguarded(plain.content(path / HIDDEN / _NAME)))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # as if all had been asked for
        return None


def request(grid: Grid) -> Request:
    """Return what a grid asks for."""
    return {name: values.tolist() for name, values in zip(grid.names, grid.values, strict=True)}


def mask(found: Iterable[Request], values: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Return which points of axes with these values have been asked for."""
    asked = np.zeros([len(v) for v in values.values()], np.bool_)
    for one in found:
        parts = [np.isin(same_labels(v), same_labels(np.array(one[name]))) for name, v in values.items()]
        asked[np.ix_(*parts)] = True
    return asked


def told(status: NDArray[np.uint8], asked: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the status with that of points that nobody asked for."""
    return np.where((status == MISSING) & ~asked, NOT_ASKED, status).astype(np.uint8)


def note(path: Path, before: list[Request] | None, grid: Grid, values: Mapping[str, NDArray[Any]]) -> None:
    """Keep what `grid` asks for of a store with these values, after the requests of before, if that is more.

    Call it under the lock.
    """
    if before is None:
        return
    new, kept = [*before, request(grid)], path / HIDDEN / _NAME
    asked = mask(new, values)
    if asked.all():
        kept.unlink(missing_ok=True)
    elif (asked != mask(before, values)).any() or not kept.exists():
        durable.write(kept, guarded(new))
