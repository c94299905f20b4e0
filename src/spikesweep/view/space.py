"""The dimensions of a store and the variables over them, as whoever draws it needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.grid import POINT
from spikesweep.grid.labels import is_label
from spikesweep.store.watch import Watch
from spikesweep.view.labels import named, plain_text

#: Labels of a dimension at most.
MOST_LABELS = 5_000_000
_KINDS = "fiub"


@dataclass(frozen=True, eq=False)
class Dim:
    """A dimension or a column of points: its labels and what they mean."""

    name: str
    values: NDArray[Any]
    units: str
    long_name: str

    @property
    def is_words(self) -> bool:
        """Return whether the labels are no numbers."""
        return self.values.dtype.kind not in _KINDS

    @property
    def title(self) -> str:
        """Return what an axis of it is called: its meaning, its name, its unit."""
        name, text = named(self.name, self.units), plain_text(self.long_name, 40)
        return name if text in ("", self.name) else f"{text}, {name}"

    def place(self, text: str) -> int | None:
        """Return where a label is that a link has, None where it is not there."""
        wanted: Any = text
        if not self.is_words:
            try:
                wanted = {"True": True, "False": False}.get(text, None)
                wanted = float(text) if wanted is None else wanted
            except ValueError:
                return None
        found = np.flatnonzero(is_label(self.values, wanted))
        return int(found[0]) if found.size else None


@dataclass(frozen=True, eq=False)
class Space:
    """The dimensions of a sweep, and its variables with theirs."""

    dims: Mapping[str, Dim]  #: of the status and of the variables
    axes: tuple[str, ...]  #: those of the status, in its order
    columns: Mapping[str, Dim]  #: coordinates along `point`, where the points are no full grid
    variables: Mapping[str, tuple[str, ...]]  #: their dimensions
    attrs: Mapping[str, tuple[str, str]]  #: unit and meaning of each variable
    ragged: Mapping[str, str]  #: dimensions of results of unequal length, with their counts


def space_of(watch: Watch) -> Space:
    """Return the space of a store; raise InputError for one whose dimensions do not agree."""
    names, axes = watch.names(), watch.dims
    sizes: dict[str, int] = dict(zip(axes, watch.shape, strict=True))
    variables = {}
    kept = [n for n in watch.store.variables if n in names]
    counts = {n for n in names if "sample_dimension" in watch.attrs_of(n)}
    for name in dict.fromkeys((*kept, *sorted(counts))):
        if watch.dtype_of(name) not in _KINDS:
            continue
        variables[name] = names[name]
        for dim, size in zip(names[name], watch.shape_of(name), strict=True):
            if sizes.setdefault(dim, size) != size:
                raise InputError(f"{watch.place}: {name} has {size} along {dim}, others {sizes[dim]}")
    dims = {name: _dim(watch, name, size) for name, size in sizes.items()}
    along = [n for n, own in names.items() if own == (POINT.name,) and n != POINT.name]
    columns = {n: _dim(watch, n, sizes[POINT.name]) for n in along if n not in variables and n != "status"}
    texts = {n: (str(a.get("units", "1")), str(a.get("long_name", n))) for n, a in _attrs(watch, variables)}
    ragged = {str(watch.attrs_of(n)["sample_dimension"]): n for n in counts}
    return Space(dims, axes, columns if POINT.name in axes else {}, variables, texts, ragged)


def _attrs(watch: Watch, names: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(name, watch.attrs_of(name)) for name in names]


def _dim(watch: Watch, name: str, size: int) -> Dim:
    if size > MOST_LABELS:
        raise InputError(f"{watch.place} has {size} labels along {name}; allowed: {MOST_LABELS}")
    if name not in watch.names() or watch.shape_of(name) != (size,):
        return Dim(name, np.arange(size), "1", name)
    attrs, values = watch.attrs_of(name), watch.read(name)
    if values.dtype.kind not in _KINDS:
        values = np.array([str(value) for value in values.tolist()], object)
    return Dim(name, values, str(attrs.get("units", "1")), str(attrs.get("long_name", name)))
