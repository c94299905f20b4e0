"""What is kept of a point's results: chosen ones of the protocol's own, and what functions make of them.

A function of the user's, or one of `analysis.summaries`, is called with the results of one point as a
Dataset and returns named numbers or arrays. It sees all that the protocol gives, spikes too; what it returns
is stored.
A gate is a range that a result has to be in; elsewhere a point has the status `gated`.
"""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.analysis.summaries import READY
from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Coordinate, Labels, Variable
from spikesweep.protocols.called import Result, declared, imported, inferred, labels_of, named, shaped
from spikesweep.trust import PACKAGE, root_of

if TYPE_CHECKING:
    import xarray as xr

#: A range that a result has to be in, either end null where it is open.
Gates = Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class Summary:
    """What is kept of a protocol's results, and the ranges that these have to be in."""

    words: tuple[str, ...] = ()  #: results of the protocol, ready functions, dotted names; all where none
    gates: Gates = field(default_factory=dict)
    own: tuple[Variable, ...] = ()  #: results of the protocol that are kept
    results: Mapping[str, Mapping[str, Result]] = field(default_factory=dict)  #: of each function, as known
    labels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  #: along dimensions of results

    @classmethod
    def of(
        cls, words: Sequence[str], gates: Gates, variables: Iterable[Variable], found: Mapping[str, Any]
    ) -> "Summary | None":
        """Return what is kept of `variables`, None where that is all; `found` is what a store knows of it.

        Raises InputError for words that name nothing, and for what a function needs and is not measured.
        """
        if not words and not gates:
            return None
        own = {v.name: v for v in variables}
        if len(set(words)) < len(words):
            raise InputError(f"summary = {list(words)} is refused; allowed: each once")
        for word in words:
            if word not in own and word not in READY and ("." not in word or root_of(word) == PACKAGE):
                raise InputError(
                    f"summary: {word!r} is not known; {nearest(word, (*own, *READY))}, FILE.py:NAME"
                )
        kept = tuple(own[word] for word in words if word in own) if words else tuple(own.values())
        summary = cls(tuple(words), gates, kept)
        for name in summary.functions:
            imported(name, "summary")
        for word in words:
            lost = [name for name in READY.get(word, ()) if word not in own and name not in own]
            if lost:
                raise InputError(
                    f"summary: {word} needs {', '.join(lost)}, which is not measured; "
                    "allowed: protocol.record_spikes=true, protocol.record_rates=true, protocol.record=[...]"
                )
        known = {f: declared(imported(f, "summary")) for f in summary.functions}
        known |= {f: {n: Result(**r) for n, r in one.items()} for f, one in found.get("results", {}).items()}
        labels = {dim: tuple(values) for dim, values in found.get("labels", {}).items()}
        summary = replace(summary, results={f: r for f, r in known.items() if r}, labels=labels)
        summary._check_gates(own)
        return summary

    @property
    def functions(self) -> tuple[str, ...]:
        """Return the dotted names of the functions."""
        own = {v.name for v in self.own}
        ready = f"{Summary.__module__.split('.')[0]}.analysis.summaries."
        return tuple(f"{ready}{w}" if w in READY else w for w in self.words if w not in own)

    @property
    def made_of(self) -> tuple[Any, ...]:
        """Return what decides results."""
        return (type(self), *(imported(name, "summary") for name in self.functions))

    @property
    def is_known(self) -> bool:
        """Return whether it is known what all functions return."""
        return self.results.keys() >= {*self.functions}

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored."""
        each = (r.variable(name) for f in self.functions for name, r in self.results.get(f, {}).items())
        return (*self.own, *each)

    def coordinates(self, labels: Labels) -> dict[str, list[str] | Coordinate]:
        """Return the labels of what is stored, given those of the protocol; raise InputError."""
        dims = {dim for v in self.variables for dim in v.dims}
        found: dict[str, list[str] | Coordinate] = {
            name: values
            for name, values in labels.items()
            if dims.issuperset((values.dims if isinstance(values, Coordinate) else ()) or (name,))
        }
        for results in self.results.values():
            for dim, n in ((dim, n) for r in results.values() for dim, n in r.dims.items()):
                if len(found.setdefault(dim, labels_of(dim, self.labels.get(dim, range(n))))) != n:
                    raise InputError(
                        f"summary: a result has {n} values along {dim}, of which there are "
                        f"{len(found[dim])}; allowed: a dimension of another name"
                    )
        return found

    def seen(self, points: Iterable["xr.Dataset"]) -> "Summary":
        """Return what is known after functions were called with results, of the first point that works.

        Raises InputError where none does.
        """
        refused: InputError | None = None
        for ds in points:
            results, labels = dict(self.results), dict(self.labels)
            try:
                for name in self.functions:
                    if name not in results:
                        results[name], more = _tried(name, ds)
                        labels |= more
                return replace(self, results=results, labels=labels)
            except InputError as error:  # it may fail at that point alone
                refused = refused or error
        raise refused or InputError(
            "summary: none of the first points has results to be summarised; allowed: returned values with "
            "annotations (a TypedDict), which need no first call"
        )

    def found(self) -> dict[str, Any]:
        """Return what decides results, as plain values for the store."""
        summary = {
            "of": [*self.words],
            "results": {f: {n: asdict(r) for n, r in one.items()} for f, one in self.results.items()},
            "labels": {dim: [*values] for dim, values in self.labels.items()},
        }
        gates = {name: [*ends] for name, ends in self.gates.items()}
        return ({"summary": summary} if self.words else {}) | ({"gate": gates} if gates else {})

    def check(self, taken: Iterable[str]) -> None:
        """Refuse names that mean two things, `taken` those of axes and labels; raise InputError."""
        names = [v.name for v in self.variables]
        for name in names:
            if names.count(name) > 1 or name in {*taken, "status", "point"}:
                raise InputError(
                    f"summary: {name} is a result twice, or an axis; allowed: one name for one thing"
                )

    def _check_gates(self, own: Mapping[str, Variable]) -> None:
        """Refuse gates of what is no number, and ranges that hold nothing; raise InputError."""
        later = not self.is_known  # a first call shows their names
        names = [n for n, v in {**own, **{v.name: v for v in self.variables}}.items() if not v.ragged]
        for name, ends in self.gates.items():
            if name not in names and not later:
                raise InputError(f"gate.{name} is no number of this sweep; {nearest(name, names)}")
            known = [end for end in ends if end is not None]
            if len(ends) != 2 or not known or known != sorted(known):
                raise InputError(
                    f"gate.{name} = {list(ends)} is refused; allowed: [LOW, HIGH], null where it is open"
                )

    def called(self, name: str, ds: "xr.Dataset") -> dict[str, NDArray[Any]]:
        """Return what a function makes of a point's results; raise ValueError for what is not as known."""
        function, results = imported(name, "summary"), self.results[name]
        returned = named(function(ds), function)
        if returned.keys() != results.keys():
            raise ValueError(f"it returned {', '.join(map(str, returned))}; before {', '.join(results)}")
        return {n: _checked(returned[n], result, n) for n, result in results.items()}

    def outside(self, name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where values are not within the range of their gate; NaN is within none."""
        low, high = (np.nan if end is None else end for end in self.gates[name])
        inside = (np.isnan(low) | (values >= low)) & (np.isnan(high) | (values <= high))
        return np.asarray(~inside | np.isnan(values), np.bool_)


def _tried(name: str, ds: "xr.Dataset") -> tuple[dict[str, Result], dict[str, Any]]:
    """Return the results of a function and the labels of their dimensions; raise InputError."""
    function = imported(name, "summary")
    short = name.rpartition(".")[2]
    try:
        returned = function(ds)
    except Exception as error:
        raise InputError(
            f"summary: {short} raised {type(error).__name__}: {error}; allowed: a first point that works, "
            "or returned values with annotations"
        ) from error
    results, labels = inferred(returned, function, f"summary: {short}")
    if not results:
        raise InputError(f"summary: {short} returned nothing; allowed: numbers and arrays by name")
    return results, {dim: values for dim, values in labels.items() if dim not in ds.coords}


def _checked(value: Any, result: Result, name: str) -> NDArray[Any]:
    """Return a value as it is stored; raise ValueError for another shape or kind, NaN and infinity."""
    array = shaped(value, result, name)
    if not np.can_cast(array.dtype, result.dtype, "same_kind"):
        raise ValueError(f"{name} holds {array.dtype}; declared, or seen at the first point: {result.dtype}")
    if array.dtype.kind == "f" and not result.optional and not np.isfinite(array).all():
        raise ValueError(
            f"{name} is {array if array.ndim == 0 else 'not finite'}; allowed: finite numbers, NaN where "
            "it is declared as float | None"
        )
    return array.astype(result.dtype)


class Filled:
    """What functions make of the results of some points, filled one after the other."""

    def __init__(self, summary: Summary, shape: tuple[int, ...]) -> None:
        self._summary = summary
        self.failures: dict[int, tuple[str, str]] = {}
        self.arrays: dict[str, NDArray[Any]] = {}
        for result in (one for name in summary.functions for one in summary.results[name].items()):
            name, r = result
            empty = np.nan if r.dtype.startswith("f") else 0
            self.arrays[name] = np.full((*r.dims.values(), *shape), empty, r.dtype)

    def put(self, index: tuple[int, ...], ds: "xr.Dataset") -> None:
        """Put what functions make of the results at an index, all or nothing; record why there is nothing."""
        found: dict[str, NDArray[Any]] = {}
        for name in self._summary.functions:
            try:
                found |= self._summary.called(name, ds)
            except Exception as error:
                short = name.rpartition(".")[2]
                text = f"summary {short}: {type(error).__name__}: {error}"
                self.failures[index[0]] = text, traceback.format_exc()
                return
        for name, array in found.items():
            where: Any = (..., *index)
            self.arrays[name][where] = array
