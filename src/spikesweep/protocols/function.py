"""Any function of the user's: its arguments are axes, what it returns is stored, as of the protocols here."""

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from math import ceil, log10
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.grid.ragged import Ragged
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.random.philox import point_keys
from spikesweep.protocols.base import Experiment
from spikesweep.protocols.called import (
    Argument,
    Result,
    arguments,
    declared,
    imported,
    inferred,
    labels_of,
    named,
    number_of,
    shaped,
)
from spikesweep.units import Seed

#: Units of work in a second: those of `work`, of which a block is to last about one.
_A_SECOND = 1.5e8
#: Points of a first call with arrays.
_TRIED = 256
#: Bits of the seeds that a function gets: generators of Brian2 and NEST take no more.
_SEED_BITS = 31


@dataclass(frozen=True)
class Function(Experiment):
    """A function that is called once a point, or once a block with arrays of all its points.

    `seed`, if it is an argument, comes as a number drawn from the labels of the point. What a call raises
    is recorded at its point and costs no other.
    """

    has_network: ClassVar[bool] = False

    function: str  #: its dotted name, in a package that the user named
    vectorized: (
        bool  #: it takes arrays, one entry a point, and returns such: the points are the first dimension
    )
    root_seed: Seed  #: seeds are drawn from it and the labels of a point
    results: Mapping[str, Result] | None  #: what it returns, by name; as a first call shows where null
    seconds: (
        Annotated[float, "s", Gt(0)] | None
    )  #: that a point takes, about; as a first call shows where null
    labels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  #: along dimensions of results

    @property
    def call(self) -> Callable[..., Any]:
        """Return the function."""
        return imported(self.function, "protocol.function")

    @property
    def made_of(self) -> tuple[Any, ...]:
        """Return what decides results beside this class."""
        return (self.call,)

    @property
    def arguments(self) -> dict[str, Argument]:
        """Return the arguments that are axes."""
        return _arguments(self.call, f"protocol.function = {self.function!r}")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return an axis for each argument."""
        return tuple(argument.axis for argument in self.arguments.values())

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the values of axes that nobody gave."""
        return {name: [a.default] for name, a in self.arguments.items() if a.default is not None}

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return the results, as far as they are known."""
        known = self.results if self.results is not None else declared(self.call)
        return tuple(result.variable(name) for name, result in known.items())

    @property
    def store_name(self) -> str:
        """Return what its stores are called."""
        return self.function.rpartition(".")[2]

    def seen(self, point: Mapping[str, Any]) -> "Function":
        """Return the protocol that knows what is returned and how long it takes, from calls at a point.

        Raises InputError where that fails.
        """
        results = self.results if self.results is not None else declared(self.call) or None
        if results is not None and self.seconds is not None:
            return replace(self, results=results)
        returned, seconds = self._tried(point)
        labels: Mapping[str, Any] = {}
        if results is None:
            if self.vectorized:
                returned = {name: np.asarray(v)[0] for name, v in named(returned, self.call).items()}
            results, labels = inferred(returned, self.call, f"protocol.function: {self.store_name}")
            if words := [dim for dim, values in labels.items() if any(isinstance(v, str) for v in values)]:
                raise InputError(f"protocol.function: labels along {words[0]} are words; allowed: numbers")
        # a power of ten: the shape of blocks follows from it, on any machine
        seconds = self.seconds or float(10.0 ** ceil(log10(max(seconds, 1e-6))))
        return replace(self, results=results, seconds=seconds, labels=labels)

    def _tried(self, point: Mapping[str, Any]) -> tuple[Any, float]:
        """Return what a call at a point returns, and how long a point takes (s); raise InputError."""
        n = _TRIED if self.vectorized else 1
        columns = self._given({name: np.array([value] * n) for name, value in point.items()})
        given = {name: np.array(v) if self.vectorized else v[0] for name, v in columns.items()}
        try:
            self.call(**given)  # compiles, imports
            began = time.perf_counter()
            returned = self.call(**given)
            return returned, (time.perf_counter() - began) / n
        except Exception as error:
            text = ", ".join(f"{name}={value!r}" for name, value in point.items())
            raise InputError(
                f"protocol.function: {self.store_name}({text}) raised {type(error).__name__}: {error}; "
                "allowed: a first point that works, or protocol.results={NAME: {...}} and protocol.seconds"
            ) from error

    def found(self) -> dict[str, Any]:
        """Return what was seen at a first call, as the store keeps it."""
        results = {name: asdict(result) for name, result in (self.results or {}).items()}
        return {
            "results": results,
            "seconds": self.seconds,
            "labels": {k: [*v] for k, v in self.labels.items()},
        }

    def check(self, network: Any) -> None:
        """Refuse names that mean two things; raise InputError."""
        del network
        known = {*(self.results or {})}
        dims = {d for result in (self.results or {}).values() for d in (*result.dims, result.ragged) if d}
        for name in self.arguments:
            if name in known | dims | {"point", "status"}:
                raise InputError(f"protocol.function: {name} is an argument and a result; allowed: two names")

    def check_grid(self, network: Any, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse values that an argument's annotation does not allow; raise InputError."""
        del network
        for name, argument in self.arguments.items():
            argument.check(values[name])

    def reads(self, key: str) -> bool:
        """Return whether results depend on a value of the configuration."""
        return key == "protocol.root_seed" and "seed" in self.arguments

    def coordinates(self, network: Any) -> dict[str, list[str] | Coordinate]:
        """Return the labels along the dimensions of arrays: those that were seen, or 0, 1, ..."""
        del network
        lengths = {dim: n for result in (self.results or {}).values() for dim, n in result.dims.items()}
        return {dim: labels_of(dim, self.labels.get(dim, range(n))) for dim, n in lengths.items()}

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the work of a point, in units of which there are 1.5e8 in a second."""
        del network, whole
        return _A_SECOND * (self.seconds or 1.0)

    def prepare(self, network: Any) -> None:
        """Import the function."""
        del network
        imported(self.function, "protocol.function")

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, Any]:
        """Return every result, shape (its dims, point), and what failed."""
        del network, whole
        results, given = self.results or {}, self._given(points)
        n = len(next(iter(points.values())))
        if self.vectorized:
            returned = named(self.call(**{name: np.asarray(v) for name, v in given.items()}), self.call)
            arrays = {k: shaped(_of(returned, k), r, k, (n,)) for k, r in results.items()}
            return {name: np.moveaxis(array, 0, -1) for name, array in arrays.items()}
        filled = _Filled(results, n)
        failures = {}
        function, keys = self.call, tuple(given)
        for i, row in enumerate(zip(*given.values(), strict=True)):
            try:
                filled.put(i, named(function(**dict(zip(keys, row, strict=True))), function))
            except Exception as error:
                failures[i] = f"{type(error).__name__}: {error}", traceback.format_exc()
        return {**filled.arrays(), "failures": failures}

    def _given(self, points: Mapping[str, NDArray[Any]]) -> dict[str, list[Any]]:
        """Return the arguments of each point."""
        given = {
            n: [a.value(v) for v in points[n].tolist()] for n, a in self.arguments.items() if n in points
        }
        if "seed" in given:
            labels = {
                name: [number_of(v) for v in values.tolist()] if values.dtype.kind == "U" else values
                for name, values in points.items()
            }
            keys = np.broadcast_to(point_keys(self.root_seed, labels), len(given["seed"]))
            given["seed"] = (keys >> np.uint64(64 - _SEED_BITS)).tolist()
        return given


@cache
def _arguments(function: Callable[..., Any], where: str) -> dict[str, Argument]:
    return arguments(function, where)


def _of(returned: Mapping[str, Any], name: str) -> Any:
    if name not in returned:
        raise KeyError(f"{name} was not returned, only {', '.join(map(str, returned)) or 'nothing'}")
    return returned[name]


class _Filled:
    """The results of points, filled one after the other."""

    def __init__(self, results: Mapping[str, Result], n: int) -> None:
        self._results = results
        self._dense = {
            name: np.full((*r.dims.values(), n), np.nan if r.dtype.startswith("f") else 0, r.dtype)
            for name, r in results.items()
            if not r.ragged
        }
        self._ragged: dict[str, list[NDArray[Any]]] = {
            name: [np.empty(0, r.dtype)] * n for name, r in results.items() if r.ragged
        }

    def put(self, i: int, returned: Mapping[str, Any]) -> None:
        """Put what a call returned, all or nothing; raise ValueError or KeyError where it is another."""
        found = {name: shaped(_of(returned, name), result, name) for name, result in self._results.items()}
        for name, array in found.items():
            if name in self._dense:
                self._dense[name][..., i] = array
            else:
                self._ragged[name][i] = array

    def arrays(self) -> dict[str, NDArray[Any] | Ragged]:
        """Return the results of all points."""
        ragged = {
            name: Ragged(
                np.concatenate([np.empty(0), *parts]).astype(self._results[name].dtype),
                np.array([len(part) for part in parts], np.int64),
            )
            for name, parts in self._ragged.items()
        }
        return {**self._dense, **ragged}
