"""From plain values of a configuration to checked objects.

`_target_` names the class, and only a class *defined* in a trusted package is accepted (`trust`: this one and
those that the user named): the resolved object is looked at, not the string, so that a configuration can
never run foreign code. A field's annotation gives its type, unit and bounds.
"""

import dataclasses
import importlib
import sys
import types
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Le, MinLen

from spikesweep.contract import is_contract, kind_of, lacking
from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.grid import is_finite
from spikesweep.old_names import target as today
from spikesweep.sources import may_name
from spikesweep.trust import PACKAGE, fault_in, root_of, roots
from spikesweep.units import unit_of

T = TypeVar("T")
#: What scalars are called.
KINDS: Mapping[Any, str] = {
    float: "a finite number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
}


def build(node: Any, where: str, *kinds: Any) -> Any:
    """Return the object that `node` describes; raise InputError naming the key below `where`.

    `kinds` are what its place in the configuration takes: classes, the first of which is that of a node
    without `_target_`, or a contract, whose members the object must have; anything where there are none.
    """
    if is_component(type(node)):  # built before, as cells are, that several populations share
        _check_kind(type(node), kinds, where)
        return node
    default = next((kind for kind in kinds if is_component(kind)), None)
    if not isinstance(node, Mapping) or ("_target_" not in node and default is None):
        raise InputError(f"{where} = {node!r} is refused; allowed: values with a _target_")
    cls: Any = target_class(str(node["_target_"]), f"{where}._target_") if "_target_" in node else default
    _check_kind(cls, kinds, where)  # first: the fields of another kind of part are nobody's concern
    return built(cls, node, where)


def _check_kind(cls: type, kinds: Sequence[Any], where: str) -> None:
    """Refuse a class that is nothing that its place takes, or that lacks a member; raise InputError."""
    name = cls.__name__
    for contract in filter(is_contract, kinds):
        if lacks := [member for member in lacking(cls, contract) if member not in field_hints(cls)]:
            allowed = kind_of(contract)
            raise InputError(f"{where} is a {name}, which has no {', '.join(lacks)}; allowed: {allowed}")
    classes = tuple(kind for kind in kinds if is_component(kind))
    if classes and not issubclass(cls, classes):
        raise InputError(f"{where} is a {name}; allowed: {', '.join(kind.__name__ for kind in classes)}")


def built(cls: type[T], node: Mapping[str, Any], where: str) -> T:
    """Return an object of a class from its fields' plain values, each of them checked; raise InputError."""
    of_class: type = cls
    hints, prefix = field_hints(of_class), f"{where}." if where else ""
    optional = _defaults(of_class)
    for key in node:
        if key not in hints and key != "_target_":
            raise InputError(f"{prefix}{key} is not known; {nearest(str(key), hints)}")
    values = {}
    for name, hint in hints.items():
        if name not in node and name in optional:  # a configuration of before the field was
            continue
        if name not in node:
            raise InputError(f"{prefix}{name} is missing: {cls.__name__} needs it")
        values[name] = checked(node[name], hint, f"{prefix}{name}")
    return cls(**values)


@cache
def _defaults(cls: type) -> frozenset[str]:
    """Return the fields of a class that have defaults."""
    if not dataclasses.is_dataclass(cls):
        return frozenset(getattr(cls, "_field_defaults", ()))
    without = (dataclasses.MISSING, dataclasses.MISSING)
    return frozenset(f.name for f in dataclasses.fields(cls) if (f.default, f.default_factory) != without)


def with_defaults(values: Any) -> Any:
    """Return plain values in which fields that a part does not state have their plain defaults.

    So a configuration of before a field was is the one that states what it then did.
    """
    if isinstance(values, list):
        return [with_defaults(value) for value in values]
    if not isinstance(values, Mapping):
        return values
    found = {key: with_defaults(value) for key, value in values.items()}
    try:
        cls = target_class(str(values["_target_"]), "_target_") if "_target_" in values else None
    except InputError:  # of a package that nobody has named here
        cls = None
    if cls is not None and dataclasses.is_dataclass(cls):
        plain: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(cls)}
        lists = {name: list(default) for name, default in plain.items() if _are_plain(default)}
        return {name: default for name, default in plain.items() if _is_plain(default)} | lists | found
    return found


def _is_plain(default: Any) -> bool:
    return default is None or isinstance(default, (bool, int, float, str))


def _are_plain(default: Any) -> bool:
    return isinstance(default, tuple) and all(map(_is_plain, default))


@cache
def field_hints(cls: type) -> dict[str, Any]:
    """Return the annotation of every field of a class."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}


def target_class(name: str, where: str) -> type:
    """Return the class that a `_target_` names; raise InputError unless a trusted package defines it."""
    module, _, attribute = today(name).rpartition(".")
    found = None
    if root := root_of(module):
        # of a user's folder only a file that has the class is run: the name may come from a store
        if root != PACKAGE and not may_name(module, attribute):
            allowed = _allowed_targets(module)
            raise InputError(
                f"{where} = {name!r} is refused: there is no {attribute} in {module}; allowed: {allowed}"
            )
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except InputError:
            raise
        except Exception as error:  # whatever the import of a user's file raises
            absent = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
            if root != PACKAGE and not absent:
                text = fault_in(error, root)
                raise InputError(f"{where} = {name!r} cannot be imported: {text}") from error
            if not isinstance(error, ImportError):
                raise
    if not is_component(found) or not root_of(found.__module__):
        raise InputError(f"{where} = {name!r} is refused; allowed: {_allowed_targets(module)}")
    return found  # type: ignore[return-value]


def _allowed_targets(module: str) -> str:
    """Return which classes are allowed, and what would let those of a module be."""
    package = module.split(".")[0]
    known = sorted({root for root in roots() if root != PACKAGE})
    allowed = f"classes defined in {' or '.join([PACKAGE, *known])}"
    foreign = package.isidentifier() and package not in sys.stdlib_module_names and not root_of(module)
    return f"{allowed}; those of {package} with models=PATH/{package}, its folder" if foreign else allowed


def is_component(cls: Any) -> bool:
    """Return whether a class is one that configurations build: a dataclass or a NamedTuple."""
    kind = isinstance(cls, type) and not is_contract(cls)
    return kind and (dataclasses.is_dataclass(cls) or hasattr(cls, "_fields"))


def checked(value: Any, hint: Any, where: str) -> Any:
    """Return a value as a field's annotation wants it; raise InputError naming the key `where`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        converted = checked(value, hint.__origin__, where)
        _check_bounds(converted, hint, where)
        return converted
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        kinds = [a for a in arguments if a is not type(None)]
        if get_origin(kinds[0]) is Literal:
            return _choice(value, (*get_args(kinds[0]), "null"), where)
        scalars = [kind for kind in kinds if scalar_of(kind) is not None]
        parts = [kind for kind in kinds if kind not in scalars]
        if scalars and (not parts or not (isinstance(value, Mapping) or is_component(type(value)))):
            return checked(value, scalars[0], where)
        return checked(value, parts[0], where) if len(kinds) == 1 else build(value, where, *parts)
    if origin is Literal:
        return _choice(value, arguments, where)
    if hint in (float, int, bool, str):
        return _scalar(value, hint, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InputError(f"{where} = {value!r} is refused; allowed: values by name")
        return {str(key): checked(node, arguments[1], f"{where}.{key}") for key, node in value.items()}
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InputError(f"{where} = {value!r} is refused; allowed: a list")
        return tuple(checked(v, arguments[0], f"{where}[{i}]") for i, v in enumerate(value))
    return build(value, where, *([] if hint is Any else [hint]))


def scalar_of(hint: Any) -> Any:
    """Return the annotation of the number, word or truth value that a field takes, None where it takes none.

    Of `ms | Delays`, which takes a number or a part, that of the number.
    """
    if get_origin(hint) in (Union, types.UnionType):
        return next((kind for kind in get_args(hint) if scalar_of(kind) is not None), None)
    plain = hint
    while hasattr(plain, "__metadata__"):
        plain = plain.__origin__
    return hint if plain in (float, int, bool, str) else None


def _choice(value: Any, options: Sequence[Any], where: str) -> Any:
    if value not in options or isinstance(value, bool):
        raise InputError(f"{where} = {value!r} is refused; {nearest(str(value), options)}")
    return value


def _scalar(value: Any, kind: type, where: str) -> Any:
    accepted = {float: (int, float), int: (int,), bool: (bool,), str: (str,)}[kind]
    if kind is int and isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        value = int(value)  # 1e4 is a whole number, as it is on an axis
    wrong = not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool)
    if wrong or (kind is float and not is_finite(value)):
        several = isinstance(value, list) and value and all(isinstance(v, accepted) for v in value)
        axis = f"; several are an axis: {where}={','.join(map(str, value))}" if several else ""
        raise InputError(f"{where} = {shown(value)} is refused; allowed: {KINDS[kind]}{axis}")
    return kind(value) + 0.0 if kind is float else kind(value)  # -0.0, as a sign flip leaves it, is 0.0


def _check_bounds(value: Any, hint: Any, where: str) -> None:
    if value is None:
        return
    for item in hint.__metadata__:
        for bound in item if isinstance(item, GroupedMetadata) else (item,):
            allowed = _broken(value, bound)
            if allowed:
                unit = unit_of(hint)
                suffix = f" {unit}" if unit != "1" else ""
                told = list(value) if isinstance(value, Mapping) else value
                raise InputError(f"{where} = {told!r}{suffix} is refused; allowed: {allowed}{suffix}")


def _broken(value: Any, bound: Any) -> str:
    """Return what a bound allows if the value is outside, else nothing."""
    match bound:
        case Gt(gt=limit):
            inside = value > limit
        case Ge(ge=limit):
            inside = value >= limit
        case Le(le=limit):
            inside = value <= limit
        case MinLen(min_length=limit):
            inside = len(value) >= limit
        case _:
            return ""
    return "" if inside else bound_text(bound)


def bound_text(bound: Any) -> str:
    """Return what a bound of an annotation allows, in words."""
    match bound:
        case Gt(gt=limit):
            return f"more than {limit}"
        case Ge(ge=limit):
            return f"at least {limit}"
        case Le(le=limit):
            return f"at most {limit}"
        case MinLen(min_length=limit):
            return f"at least {limit} of them"
    return ""
