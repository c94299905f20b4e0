"""The axes that a configuration asks for: a protocol's own, and any swept value of the configuration.

The node `grid` holds both: `grid.fe` is the protocol's axis, `grid.neuron.RS.b` sweeps `neuron.RS.b`. An
axis is a number, a list, {start, stop, num, spacing}, or {low, high, spacing}, which `sample` fills.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from spikesweep.config.build import checked, field_hints, is_component, scalar_of, target_class
from spikesweep.config.meanings import field_comment
from spikesweep.config.words import RANGE_PARTS
from spikesweep.errors import InputError, nearest_key
from spikesweep.grid.grid import axis_values
from spikesweep.grid.schema import Axis
from spikesweep.units import unit_of

_NODES = ("neuron", "network", "protocol")
#: Names of arguments of `ds.sel` and its like: an axis of such a name could not be selected by it.
_OF_XARRAY = ("method", "tolerance", "drop", "indexers", "missing_dims", "dim", "keep_attrs")


@dataclass(frozen=True)
class Parameter:
    """A value of the configuration that can be swept."""

    key: str
    hint: Any  #: its annotation
    owner: type  #: the class that has the field
    base: Any  #: what the configuration gives it, None where that is null

    @property
    def kind(self) -> type:
        """Return float, int, bool or str."""
        hint = _bare(self.hint)
        return str if get_origin(hint) is Literal else hint

    def check(self, value: Any) -> Any:
        """Return the value as the field's type; raise InputError where it is not allowed."""
        return checked(value, self.hint, self.key)

    def meaning(self) -> str:
        """Return what the field's comment says of it."""
        return field_comment(self.owner, self.key.rsplit(".", 1)[-1]) or self.key


def _is_optional(hint: Any) -> bool:
    return NoneType in get_args(hint)


def _bare(hint: Any) -> Any:
    """Return an annotation without its bounds and without that it may be null."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if _is_optional(hint):
        return _bare(next(a for a in get_args(hint) if a is not NoneType))
    return hint


def parameters(values: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return every number, word and truth value below neuron, network and protocol, by key."""
    return {p.key: p for node in _NODES for p in _walk(values[node], node, None, None)}


def _walk(node: Any, where: str, hint: Any, around: type | None) -> Iterator[Parameter]:
    """Yield the parameters of a node; `hint` is the annotation of its place, of all values of a mapping.

    `around` is the class that the node is in: numbers by name are its own.
    """
    if not isinstance(node, Mapping):
        return
    hint = _bare(hint)
    owner: type | None = hint if is_component(hint) else None
    if "_target_" in node:
        owner = target_class(str(node["_target_"]), f"{where}._target_")
    of_each = get_args(hint)[1] if get_origin(hint) is Mapping else None
    hints = field_hints(owner) if owner else dict.fromkeys(node, of_each)
    owner = owner or around
    for name, value in node.items():
        key = f"{where}.{name}"
        if isinstance(value, Mapping):
            yield from _walk(value, key, hints.get(name), owner)
        elif owner and name in hints:
            plain = hints[name] if _is_optional(hints[name]) else scalar_of(hints[name]) or hints[name]
            parameter = Parameter(key, plain, owner, value)
            if parameter.kind in (float, int, bool, str):
                yield parameter


def flat_axes(node: Mapping[str, Any], names: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """Return the axes of a `grid` node by key; `names` are those of the protocol's own."""
    found: dict[str, Any] = {}
    for name, spec in node.items():
        key = f"{prefix}{name}"
        nested = isinstance(spec, Mapping) and key not in names and not _is_range(spec)
        found |= flat_axes(spec, names, f"{key}.") if nested else {key: spec}
    return {key: spec for key, spec in found.items() if spec is not None or key in names}


def _is_range(spec: Mapping[str, Any]) -> bool:
    """Return whether a mapping is a range; a course in time has a `start`, too, which may be swept."""
    return any(not isinstance(spec.get(part), (list, Mapping, type(None))) for part in RANGE_PARTS)


def swept_axes(
    keys: Sequence[str],
    known: Mapping[str, Parameter],
    taken: Sequence[str],
    reads: Sequence[str],
    stored: Mapping[str, str],
) -> dict[str, Axis]:
    """Return the axis of each swept key. Raises InputError for a key that nothing reads.

    `taken` are names that other dimensions and variables bear, `reads` the keys that count, `stored` the
    names that some keys have already.
    """
    for key in keys:
        if key not in known:
            raise InputError(f"{key} cannot be swept: it is not known; {nearest_key(key, reads)}")
        if key not in reads:
            raise InputError(f"nothing reads {key}: {nearest_key(key, reads)}")
    names = zip(keys, _names(keys, (*taken, *stored.values())), strict=True)
    return {key: _axis(known[key], stored.get(key, name)) for key, name in names}


def _axis(parameter: Parameter, name: str) -> Axis:
    return Axis(
        name,
        unit_of(parameter.hint),
        parameter.meaning(),
        -np.inf,
        integer=parameter.kind is int,
        key=parameter.key,
        base=None if parameter.base is None else parameter.check(parameter.base),
    )


def _names(keys: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return the shortest end of each key that tells it from the others, joined by underscores."""
    names = []
    for key in keys:
        parts = key.split(".")
        ends = ["_".join(parts[-n:]) for n in range(1, len(parts) + 1)]
        others = ["_".join(k.split(".")[-n:]) for k in keys if k != key for n in range(1, len(parts) + 1)]
        names.append(next((end for end in ends if end not in (*taken, *others, *_OF_XARRAY)), ends[-1]))
    return names


def swept_values(axis: Axis, parameter: Parameter, spec: Any, *, ordered: bool = True) -> NDArray[Any]:
    """Return the values of a swept axis, each of them checked as a value of its parameter."""
    if parameter.kind in (float, int):
        values = axis_values(axis, spec, ordered=ordered)
        for value in np.unique(values):
            parameter.check(value.item())
        return values
    words = [parameter.check(v) for v in (spec if isinstance(spec, list) else [spec])]
    if not words or (ordered and len(set(words)) < len(words)):
        raise InputError(f"{axis.where} = {spec} is refused; allowed: at least one value, each once")
    return np.array(words)
