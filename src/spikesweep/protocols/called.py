"""A function of the user's as an experiment: its arguments as axes, and what it returns as results."""

import importlib
import inspect
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import blake2b
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from spikesweep.config.build import checked
from spikesweep.errors import InputError
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.protocols.annotations import UNREADABLE, annotation, python_kind
from spikesweep.sources import may_name
from spikesweep.trust import fault_in, root_of
from spikesweep.units import unit_of

#: What a result may be declared as.
_DTYPES = {float: "float64", int: "int64", bool: "bool"}
_ALLOWED = "allowed: {0}=FILE.py:NAME, or models=FOLDER {0}=FOLDER.MODULE.NAME"


@dataclass(frozen=True)
class Result:
    """One result of a function."""

    units: str = "1"
    long_name: str = ""
    dims: Mapping[str, int] = field(
        default_factory=dict
    )  #: the length of each dimension of an array, by name
    dtype: Literal["float64", "float32", "int64", "int32", "bool"] = "float64"
    ragged: str = ""  #: the dimension, as spike, of which each point has a length of its own
    optional: bool = False  #: NaN is a value

    def variable(self, name: str) -> Variable:
        """Return the result as the store has it."""
        text = self.long_name or name
        dims = tuple(self.dims)
        return Variable(name, dims, self.units, text, self.dtype, optional=self.optional, ragged=self.ragged)


def imported(name: str, where: str) -> Callable[..., Any]:
    """Return the function of a dotted name in a trusted package; raise InputError."""
    module, _, attribute = name.rpartition(".")
    allowed = _ALLOWED.format(where.rpartition(".")[2])
    root = root_of(module) if module else None
    if root is None:
        raise InputError(f"{where} = {name!r} is refused: it is of no package that was named; {allowed}")
    if module in sys.modules:  # asked for at every block
        found = getattr(importlib.import_module(module), attribute, None)
    else:
        found = _first_imported(module, attribute, f"{where} = {name!r}", root)
    if not callable(found):
        raise InputError(f"{where} = {name!r} is refused: {module} has no function {attribute}; {allowed}")
    if not hasattr(found, "__name__"):  # results are called as the function
        raise InputError(
            f"{where} = {name!r} is refused: it is {type(found).__name__}, without a name of its own; "
            "allowed: a function made by def"
        )
    function: Callable[..., Any] = found
    return function


def _first_imported(module: str, attribute: str, what: str, root: str) -> Any:
    """Return what a module calls by a name, importing it; None where its text has no such name."""
    if not may_name(module, attribute):
        return None
    try:
        # simulators that install a handler of Ctrl-C when they are imported cannot do so in a worker's thread
        aside = threading.current_thread() is not threading.main_thread()
        with patch.object(signal, "signal") if aside else nullcontext():
            return getattr(importlib.import_module(module), attribute)
    except InputError:
        raise
    except Exception as error:  # whatever the import of a user's file raises
        raise InputError(f"{what} cannot be imported: {fault_in(error, root)}") from error


@dataclass(frozen=True)
class Argument:
    """An argument that is an axis."""

    axis: Axis
    default: Any  #: None where it has none
    hint: Any  #: its annotation
    truth: bool = False  #: it is true or false

    def value(self, given: Any) -> Any:
        """Return a value of the axis as the function gets it."""
        return given == "true" if self.truth else given

    def check(self, values: NDArray[Any]) -> None:
        """Refuse values that its annotation does not allow; raise InputError."""
        for value in np.unique(values).tolist():
            if self.truth and value not in ("true", "false"):
                raise InputError(
                    f"{self.axis.where} holds {value!r}; allowed: true, false, as words in quotes"
                )
            checked(self.value(value), self.hint, self.axis.where)


def arguments(function: Callable[..., Any], where: str) -> dict[str, Argument]:
    """Return the arguments that are axes, in order; raise InputError for one that is needed and is none."""
    python = getattr(function, "py_func", function)  # of numba
    found = {}
    for name, parameter in inspect.signature(python).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = None if parameter.default is parameter.empty else parameter.default
        try:
            hint = annotation(python, name) or (type(default) if default is not None else float)
        except UNREADABLE as error:
            raise InputError(
                f"{where}: the annotation of its argument {name} cannot be read: {error}; allowed: "
                "float, int, bool, str, Literal, none, or with a unit Annotated[float, 'mV']"
            ) from error
        argument = _argument(name, hint, default)
        if argument is not None and parameter.kind is not parameter.POSITIONAL_ONLY:
            found[name] = argument
        elif parameter.default is parameter.empty:
            raise InputError(
                f"{where}: its argument {name} is no axis; "
                "allowed: float, int, bool, str, Literal by keyword, or a default"
            )
    return found


def _argument(name: str, hint: Any, default: Any) -> Argument | None:
    plain = hint
    while hasattr(plain, "__metadata__"):
        plain = plain.__origin__
    if python_kind(plain) is not plain:
        plain = python_kind(plain)
        told = getattr(hint, "__metadata__", ())  # unit and bounds stay
        hint = Annotated[(plain, *told)] if told else plain
    options = [a for a in get_args(plain) if a is not NoneType]
    if NoneType in get_args(plain) and len(options) == 1:
        plain = options[0]
    words = get_origin(plain) is Literal or plain is str
    if not words and plain not in (float, int, bool):
        return None
    if name == "seed":
        return Argument(Axis("seed", "1", "repetition", 0, integer=True), 0, int)
    if plain is bool:
        text = None if default is None else str(bool(default)).lower()
        return Argument(Axis(name, "1", name, -np.inf, words=True), text, hint, truth=True)
    axis = Axis(name, unit_of(hint), name, -np.inf, integer=plain is int, words=words)
    return Argument(axis, default, hint)


def declared(function: Callable[..., Any]) -> dict[str, Result]:
    """Return the results that the annotation of a function declares: Annotated[float, "Hz"], a TypedDict."""
    python = getattr(function, "py_func", function)
    try:
        hint = annotation(python, "return")
    except UNREADABLE:  # a name that only type checkers import, or no annotation of types
        return {}
    named = (
        get_type_hints(hint, include_extras=True)
        if isinstance(hint, type) and hasattr(hint, "__total__")
        else {}
    )
    each = named or ({python.__name__: hint} if hint is not None else {})
    found = {}
    for name, one in each.items():
        plain = one.__origin__ if hasattr(one, "__metadata__") else one
        kinds = [kind for kind in get_args(plain) or (plain,) if kind is not NoneType]
        one_kind = len(kinds) == 1 and isinstance(kinds[0], type)
        dtype = _DTYPES.get(python_kind(kinds[0])) if one_kind else None
        if dtype is None:
            return {}
        optional = NoneType in get_args(plain)
        found[name] = Result(units=unit_of(one), dtype=dtype, optional=optional)  # type: ignore[arg-type]
    return found


def named(returned: Any, function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return what a call returned by name: a number or an array has the name of the function."""
    if hasattr(returned, "data_vars"):  # an xarray.Dataset
        return {str(name): array.values for name, array in returned.data_vars.items()}
    if hasattr(returned, "dims") and hasattr(returned, "coords"):  # an xarray.DataArray
        return {str(returned.name or function.__name__): returned.values}
    return returned if isinstance(returned, Mapping) else {function.__name__: returned}


def inferred(
    returned: Any, function: Callable[..., Any], where: str
) -> tuple[dict[str, Result], dict[str, Any]]:
    """Return the results and the labels of their dimensions that a first call shows; raise InputError."""
    labels: dict[str, Any] = {}
    described: Any = getattr(returned, "data_vars", returned if isinstance(returned, Mapping) else {})
    if hasattr(returned, "coords") and hasattr(returned, "name"):  # an xarray.DataArray
        described = {str(returned.name or function.__name__): returned}
    results = {}
    for name, value in named(returned, function).items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiub" or not str(name).isidentifier():
            raise InputError(
                f"{where} returned {name} = {str(value)[:60]!r}; "
                "allowed: numbers, arrays of numbers, a dict of them by name, an xarray.Dataset"
            )
        dtype: Any = {"f": "float64", "b": "bool"}.get(array.dtype.kind, "int64")
        dims = {f"{name}_{i}": n for i, n in enumerate(array.shape)}
        attrs: Mapping[str, Any] = {}
        if hasattr(of := described.get(name), "coords"):
            dims, attrs = dict(zip(map(str, of.dims), of.shape, strict=True)), of.attrs
            labels |= {str(d): tuple(of[d].values.tolist()) for d in of.dims if d in of.coords}
        units, text = str(attrs.get("units", "1")), str(attrs.get("long_name", ""))
        results[str(name)] = Result(units, text, dims, dtype, optional=bool(attrs.get("optional")))
    return results, labels


def labels_of(dim: str, values: Sequence[Any]) -> list[str] | Coordinate:
    """Return the labels along a dimension of arrays: words, or numbers."""
    if len(values) and isinstance(values[0], str):
        return [str(value) for value in values]
    return Coordinate(np.array(values, np.float64), "1", dim)


def number_of(word: str) -> float:
    """Return a label for random numbers of a word."""
    return float(int.from_bytes(blake2b(word.encode(), digest_size=6).digest()))


def shaped(value: Any, result: Result, name: str, leading: tuple[int, ...] = ()) -> NDArray[Any]:
    """Return a returned value as an array of the declared shape; raise ValueError where it has another."""
    array = np.asarray(np.nan if value is None and result.optional else value)
    wanted = (*leading, *result.dims.values())
    if result.ragged:
        if array.ndim != 1:
            raise ValueError(f"{name} has the shape {array.shape}; declared: one dimension, {result.ragged}")
    elif array.shape != wanted:
        raise ValueError(
            f"{name} has the shape {array.shape}; declared, or seen at the first point: {wanted}"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds {array.dtype}; allowed: numbers")
    return array
