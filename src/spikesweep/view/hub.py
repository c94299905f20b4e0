"""The stores of a page, shared by all who look at it, and how often they are looked at."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikesweep.errors import InputError
from spikesweep.store.remote import Place
from spikesweep.view.drawn import Drawn, Seen, draw, palette_of
from spikesweep.view.labels import plain_text
from spikesweep.view.picture import Cells, cells, difference
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State, fitted

#: Seconds between two looks at least.
SOONEST = 1.0
#: Stores that are shown side by side.
MOST_STORES = 4
#: From brown over white to green: of differences.
_DIVERGING = "BrBG"
_DIFFERENCE = "difference"


@dataclass
class Hub:
    """Stores that are looked at, at most `share` of the time."""

    places: Sequence[Place]
    share: float = 0.1  #: of the time, that looks may take
    dashboard: str | None = None  #: of Dask, where it is this process's own
    title: str = "spikesweep"
    running: set[Any] = field(default_factory=set)  #: processes of replays
    _found: dict[str, Source | str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: float = 0.0
    _version: int = 0

    def sources(self) -> list[tuple[str, Source | str]]:
        """Return each store with its name, or why it cannot be shown."""
        with self._lock:
            for place in self.places:
                if str(place) not in self._found:
                    self._found[str(place)] = opened(place)
            names = short_names(self.places)
            return [(n, self._found[str(p)]) for n, p in zip(names, self.places, strict=True)]

    def refresh(self) -> int:
        """Look at the stores if it is time; return a number that is another once anything has changed."""
        with self._lock:
            if time.monotonic() < self._next:
                return self._version
            began = time.monotonic()
            for key, found in self._found.items():
                changed = False
                if isinstance(found, Source):
                    try:
                        changed = found.refresh()
                    except Exception as error:  # whatever a store raises that is another than it was
                        self._found[key], changed = refusal(error), True
                else:
                    place = next(place for place in self.places if str(place) == key)
                    self._found[key] = opened(place)
                    changed = self._found[key] != found
                self._version += changed
            now = time.monotonic()
            self._next = now + max(SOONEST, (now - began) / self.share)
            return self._version


def short_names(places: Sequence[Place]) -> list[str]:
    """Return names of stores without the folders that all of them are in."""
    parts = [str(place).split("/") for place in places]
    same = 0
    while len(parts) > 1 and all(len(p) > same + 1 and p[same] == parts[0][same] for p in parts):
        same += 1
    return [plain_text("/".join(p[same:])) for p in parts]


def opened(place: Place) -> Source | str:
    """Return a store, or why it cannot be shown."""
    try:
        return Source(place)
    except Exception as error:  # whatever a hostile store raises: it is told, and others are shown
        return refusal(error)


def refusal(error: Exception) -> str:
    """Return what is wrong with a store, for people."""
    told = str(error) if isinstance(error, (InputError, OSError)) else f"{type(error).__name__}: {error}"
    return plain_text(f"this store cannot be shown: {told}", 1000)


@dataclass(frozen=True, eq=False)
class Map:
    """A map of a store, or of the difference of two."""

    name: str
    source: Source
    version: int
    view: Fitted
    cells: Cells
    drawn: Drawn


def maps(
    found: Sequence[tuple[str, Source]], state: State, seen: Seen | None = None, before: Sequence[Map] = ()
) -> list[Map]:
    """Return the maps of stores side by side, of one scale; of two their difference if the state says so.

    Cells that the maps of `before` have already are not computed again.
    """
    out = []
    for name, source in found[:MOST_STORES]:
        view, version = fitted(state, source.space), source.version
        same = (m for m in before if m.source is source and (m.version, m.view) == (version, view))
        every = next((m.cells for m in same if m.name != _DIFFERENCE), None) or cells(source, view)
        title = name if len(found) > 1 else ""
        out.append(Map(name, source, version, view, every, draw(source, view, seen, title, every)))
    out = _of_one_scale(out)
    if state.compare == "difference" and len(out) > 1:
        return [*out[:2], _difference(out[0], out[1], seen)]
    return out


def _of_one_scale(found: list[Map]) -> list[Map]:
    """Return maps of the same variable with the same limits."""
    same = {(m.view.state.variable, m.view.state.layer) for m in found}
    if len(same) != 1 or any(m.drawn.names is not None for m in found):
        return found
    limits = min(m.drawn.limits[0] for m in found), max(m.drawn.limits[1] for m in found)
    return [replace(m, drawn=replace(m.drawn, limits=limits)) for m in found]


def _difference(a: Map, b: Map, seen: Seen | None) -> Map:
    """Return b minus a at the labels that both have; raise InputError where their axes are others."""
    names = (a.view.state.y, a.view.state.x)
    if (
        names != (b.view.state.y, b.view.state.x)
        or a.source.space.columns
        or b.source.space.columns
        or not names[0]
    ):
        raise InputError("these stores have no map over the same two axes; allowed: compare=side")
    if a.view.state.variable != b.view.state.variable:
        raise InputError(f"{b.name} has no {a.view.state.variable}; allowed: compare=side")
    places = []
    for name in names:
        one, other = (m.source.space.dims[name].values for m in (a, b))
        _, i, j = np.intersect1d(one, other, return_indices=True)
        places.append((i, j))
    cells_ = difference(a.cells, b.cells, places)
    plain = a.view.state.layer if a.view.state.layer == "sd" else "value"
    view = replace(a.view, state=replace(a.view.state, layer=plain))
    drawn = draw(a.source, view, seen, f"{b.name} minus {a.name}", cells_)
    finite = np.abs(drawn.values[np.isfinite(drawn.values)])
    most = float(finite.max(initial=0.0)) or 1.0
    drawn = replace(drawn, limits=(-most, most), palette=palette_of(_DIVERGING))
    return Map(_DIFFERENCE, a.source, a.version, view, cells_, drawn)
