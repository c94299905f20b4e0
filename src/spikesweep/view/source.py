"""A store as it is now, for whoever draws it: read when asked for, again only where it has changed."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.grid import POINT, Block
from spikesweep.grid.labels import is_label
from spikesweep.grid.schema import MISSING, NOT_ASKED, STATUS_MEANINGS
from spikesweep.store.remote import Place
from spikesweep.store.timings import timings
from spikesweep.store.watch import Watch
from spikesweep.view.space import space_of

#: Cells that are drawn of a store at most.
MOST_CELLS = 50_000_000
#: The status of points of which it cannot be read.
UNREADABLE = len(STATUS_MEANINGS.split())


@dataclass
class _Kept:
    """Values of a variable that have been read."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    fixed: dict[str, int]  #: places on dimensions that are not there any more
    stale: list[Block] = field(default_factory=list)


class Source:
    """One store; several pages may ask at once. Raises InputError for what is no store."""

    def __init__(self, place: Place) -> None:
        self._lock = threading.RLock()
        self._watch = Watch(place)
        self.place = place
        self.spent = 0.0  #: seconds that readings of what has changed have taken
        self._begin()

    def _begin(self) -> None:
        self.store, self.space = self._watch.store, space_of(self._watch)
        if (n := prod(self._watch.shape)) > MOST_CELLS:
            raise InputError(f"{self.place} has {n} points, more than are drawn; allowed: {MOST_CELLS}")
        self.attrs = self.store.attrs
        self.problems: dict[str, str] = {}
        self._kept: dict[Any, _Kept] = {}
        self._failures: tuple[Any, list[dict[str, Any]]] = (-1, [])
        self._watch.look()
        self.status: NDArray[np.uint8] = np.full(self._watch.shape, MISSING, np.uint8)
        self._read_status(None)
        self.version = 0  #: another one once anything has changed

    def refresh(self) -> bool:
        """Read what has changed; return whether anything has."""
        with self._lock:
            began = time.perf_counter()
            changes = self._watch.look()
            if changes.replaced:
                version = self.version
                self._begin()
                self.version = version + 1
            elif changes.blocks:
                self._read_status(changes.blocks)
                for kept in self._kept.values():
                    kept.stale += changes.blocks
                self.version += 1
            self.spent += time.perf_counter() - began
            return changes.replaced or bool(changes.blocks)

    def _read_status(self, blocks: tuple[Block, ...] | None) -> None:
        """Read the status of blocks, or all of it; what cannot be read is a status of its own."""
        if blocks is None:
            try:
                self.status = self._watch.read("status").astype(np.uint8)
            except DamagedError:
                blocks = tuple(self._watch.blocks())
        for block in blocks or ():
            where = dict(zip(self.space.axes, block.slices, strict=True))
            self.problems.pop(str(block), None)
            try:
                self.status[block.slices] = self._watch.read("status", where)
            except DamagedError as error:
                self.status[block.slices] = UNREADABLE
                self.problems[str(block)] = str(error)
        self.status[self.status > UNREADABLE] = UNREADABLE
        if (asked := self._watch.asked()) is not None:
            self.status[(self.status == MISSING) & ~asked] = NOT_ASKED

    def values(self, name: str, fixed: Mapping[str, int]) -> tuple[tuple[str, ...], NDArray[Any]]:
        """Return a variable at places on some of its dimensions beyond the axes, and what is left of these.

        Raises InputError where that is more than can be drawn.
        """
        with self._lock:
            own = self.space.variables[name]
            taken = {d: i for d, i in fixed.items() if d in own and d not in self.space.axes}
            key = (name, *sorted(taken.items()))
            kept = self._kept.pop(key, None)
            if kept is None:
                kept = self._first(name, own, taken)
            began = time.perf_counter()
            stale, kept.stale = kept.stale, []
            for block in stale:
                self._read_again(name, kept, block)
            self.spent += time.perf_counter() - began
            while len(self._kept) > 3:  # the oldest goes
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = kept
            return kept.dims, kept.values

    def _first(self, name: str, own: tuple[str, ...], taken: dict[str, int]) -> _Kept:
        left = tuple(d for d in own if d not in taken)
        n = prod(self.space.dims[d].values.size for d in left)
        if n > MOST_CELLS:
            raise InputError(f"{name} has {n} values at these labels; allowed: {MOST_CELLS}, fix more axes")
        try:
            return _Kept(left, self._watch.read(name, taken).astype(np.float64), taken)
        except DamagedError:
            shape = [self.space.dims[d].values.size for d in left]
            return _Kept(left, np.full(shape, np.nan), taken, self._watch.blocks())

    def _read_again(self, name: str, kept: _Kept, block: Block) -> None:
        part = {d: s for d, s in zip(self.space.axes, block.slices, strict=True) if d in kept.dims}
        index = tuple(part.get(d, slice(None)) for d in kept.dims)
        try:
            kept.values[index] = self._watch.read(name, {**part, **kept.fixed})
        except DamagedError as error:
            kept.values[index] = np.nan
            self.problems[f"{name} {block}"] = str(error)

    def at(self, name: str, where: Mapping[str, int]) -> NDArray[Any]:
        """Return a part of a variable; raise DamagedError where it cannot be read."""
        with self._lock:
            return self._watch.read(name, where)

    def seconds(self) -> NDArray[np.float64]:
        """Return how long each point took, the mean of its block; NaN where that is not known."""
        found = np.full(self.status.shape, np.nan)
        with self._lock:
            for key, seconds in timings(self.store).items():
                if len(key) == found.ndim:
                    found[self._watch.block(key).slices] = seconds
        return found

    def failures(self) -> list[dict[str, Any]]:
        """Return the records of failed attempts, oldest first."""
        with self._lock:
            change = self._watch.failures_change()
            if change is None:
                return []
            if change != self._failures[0]:
                found = [f for f in self.store.failures() if isinstance(f.get("point"), dict)]
                self._failures = change, found
            return self._failures[1]

    def failures_at(self, index: Mapping[str, int]) -> list[dict[str, Any]]:
        """Return the records of failed attempts at a point, oldest first."""
        point = self.point(index)
        return [f for f in self.failures() if all(_same(point.get(k), v) for k, v in f["point"].items())]

    def point(self, index: Mapping[str, int]) -> dict[str, Any]:
        """Return the labels of a point on all axes, those of points that are no grid by their columns."""
        found: dict[str, Any] = {}
        for axis in self.space.axes:
            if axis == POINT.name and self.space.columns:
                found |= {k: c.values[index[axis]].item() for k, c in self.space.columns.items()}
            else:
                value = self.space.dims[axis].values[index[axis]]
                found[axis] = value.item() if hasattr(value, "item") else str(value)
        return found

    @property
    def times(self) -> list[tuple[float, int]]:
        """Return when each block was written (s), in order, and how many of its points are there."""
        with self._lock:
            pairs = [(t, self.status[self._watch.block(k).slices]) for k, t in self._watch.times.items()]
            return sorted((t, int(np.count_nonzero(~np.isin(s, (MISSING, NOT_ASKED))))) for t, s in pairs)


def _same(a: Any, b: Any) -> bool:
    try:
        return bool(is_label(np.array([a]), b)[0])
    except (TypeError, ValueError):
        return False
