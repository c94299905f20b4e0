"""What is looked at: variable, layer, axes of the map, places on all others. It is the query of a link.

Labels, not places, so that a link means the same after the sweep has grown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from spikesweep.errors import InputError, nearest
from spikesweep.grid.grid import POINT
from spikesweep.view.labels import exact
from spikesweep.view.space import Space

#: What a map shows of its cells: see `picture`.
LAYERS = ("value", "sd", "status", "error", "seconds")
#: How several stores are shown.
COMPARED = ("side", "difference")
#: In place of a label: the mean over the dimension.
MEAN = "mean"
_AT, _POINT = "at.", "point."


@dataclass(frozen=True)
class State:
    """What is looked at, as a link says it; what it leaves out is chosen by `fitted`."""

    variable: str = ""
    layer: str = "value"
    x: str = ""
    y: str = ""
    at: tuple[tuple[str, str], ...] = ()  #: labels on other dimensions, or `mean`
    point: tuple[tuple[str, str], ...] = ()  #: the labels of the point that was clicked
    compare: str = "side"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "State":
        """Return the state of a query; raise InputError for words that are none of a link."""
        known = {name: query[name] for name in ("variable", "layer", "x", "y", "compare") if name in query}
        at = tuple((k.removeprefix(_AT), v) for k, v in query.items() if k.startswith(_AT))
        point = tuple((k.removeprefix(_POINT), v) for k, v in query.items() if k.startswith(_POINT))
        for key in query:
            if key not in known and not key.startswith((_AT, _POINT)):
                names = ("variable", "layer", "x", "y", "compare", "at.AXIS", "point.AXIS")
                raise InputError(f"{key} is no word of a view; {nearest(key, names)}")
        for name, allowed in (("layer", LAYERS), ("compare", COMPARED)):
            if known.get(name, allowed[0]) not in allowed:
                raise InputError(f"{name} = {known[name]!r}; {nearest(known[name], allowed)}")
        return cls(**known, at=at, point=point)

    def query(self) -> dict[str, str]:
        """Return the query that gives this state."""
        found = {"variable": self.variable, "layer": self.layer, "x": self.x, "y": self.y}
        if self.compare != COMPARED[0]:
            found["compare"] = self.compare
        found |= {f"{_AT}{name}": text for name, text in self.at}
        return found | {f"{_POINT}{name}": text for name, text in self.point}


@dataclass(frozen=True)
class Fitted:
    """A state in a space: every choice made, labels found."""

    state: State  #: that gives just this
    fixed: Mapping[str, int]  #: places on dimensions that are not shown
    averaged: tuple[str, ...]  #: dimensions whose mean is shown


def fitted(state: State, space: Space) -> Fitted:
    """Return a state with all that it leaves out chosen, and what this space has not replaced."""
    names = list(space.variables)
    if not names:
        raise InputError("this store has no variables that are numbers; allowed: ss.open(path)")
    variable = state.variable if state.variable in names else _first(space)
    layer = state.layer if state.layer in LAYERS else LAYERS[0]
    x, y = _shown(state, space, variable)
    at = dict(state.at)
    fixed, averaged = {}, []
    own = space.variables[variable]
    for dim in dict.fromkeys((*space.axes, *own)):
        if dim in (x, y) or (dim == POINT.name and space.columns):
            continue
        found, values = space.dims[dim], space.dims[dim].values
        place = found.place(at[dim]) if at.get(dim, MEAN) != MEAN else None
        if place is None and (at.get(dim) == MEAN or dim == "seed") and len(values) > 1:
            averaged.append(dim)
        else:
            fixed[dim] = _default(dim, len(values)) if place is None else place
    if layer == "sd" and not any(d in own for d in averaged):
        more = [d for d in fixed if len(space.dims[d].values) > 1 and d in own]
        averaged += ["seed"] if "seed" in more else more[-1:]
        fixed = {d: i for d, i in fixed.items() if d not in averaged}
    labels = {d: exact(_item(space.dims[d].values[i])) for d, i in fixed.items()}
    at_all = tuple((d, MEAN if d in averaged else labels[d]) for d in (*fixed, *averaged))
    kept = tuple((d, t) for d, t in state.point if d in space.dims and space.dims[d].place(t) is not None)
    kept = kept if {d for d, _ in kept} >= {*space.axes} else ()
    return Fitted(
        replace(state, variable=variable, layer=layer, x=x, y=y, at=at_all, point=kept),
        fixed,
        tuple(averaged),
    )


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _default(dim: str, n: int) -> int:
    """Return the place where nothing is said: of sizes of populations the largest, which is least noisy."""
    return n - 1 if dim == "pop_size" else 0


def _first(space: Space) -> str:
    """Return the variable to begin with: the first that is no count of spikes."""
    counts = {*space.ragged.values()}
    several = [name for name in space.variables if name not in counts]
    return next(iter(several or space.variables))


def choices(space: Space, variable: str) -> tuple[str, ...]:
    """Return what a map of a variable may be over: columns of points, or dimensions with several labels."""
    if space.columns:
        return tuple(space.columns)
    own = space.variables[variable]
    dims = [d for d in dict.fromkeys((*space.axes, *own)) if d in own]
    return tuple(d for d in dims if len(space.dims[d].values) > 1) or tuple(dims[:1]) or space.axes[:1]


def _shown(state: State, space: Space, variable: str) -> tuple[str, str]:
    """Return the axes of the map; the second is empty where there is one alone."""
    allowed = choices(space, variable)
    ranked = _ranked(allowed, space)
    x = state.x if state.x in allowed else next((d for d in ranked if d != state.y), ranked[0])
    others = [d for d in ranked if d != x]
    y = state.y if state.y in others else (others[0] if others else "")
    return x, y


def _ranked(names: Iterable[str], space: Space) -> list[str]:
    """Return names, those first that a map is likely wanted over: axes of numbers, no repetitions."""
    found = space.columns or space.dims
    last = ("seed", "pop_size", "repeat")
    return sorted(names, key=lambda n: (n in last, n not in (*space.axes, *space.columns), found[n].is_words))
