"""Contracts: what a kind of part must have, written as a `typing.Protocol`; what an object lacks of it.

Members are looked for by name, once, where a part is built: a message then names what is missing, and nothing
asks `hasattr` afterwards.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from inspect import get_annotations
from typing import Any


def is_contract(cls: Any) -> bool:
    """Return whether a class is a contract, not a part."""
    return isinstance(cls, type) and bool(cls.__dict__.get("_is_protocol"))


@cache
def members(contract: type) -> tuple[str, ...]:
    """Return the names that a contract asks for, in the order in which it states them."""
    found: dict[str, None] = {}
    for cls in reversed(contract.__mro__):
        if is_contract(cls):
            for name in (*get_annotations(cls), *cls.__dict__):
                if not name.startswith("_") or name == "__call__":
                    found[name] = None
    return tuple(found)


def lacking(part: Any, contract: type) -> list[str]:
    """Return the members of a contract that a part, or a class of parts, does not have."""
    cls = type(part)  # first: a property is not computed to see that it is there
    return [name for name in members(contract) if not hasattr(cls, name) and not hasattr(part, name)]


def kind_of(contract: type) -> str:
    """Return what a contract calls its parts, in words: the beginning of its docstring."""
    words = re.split(r"[.:;]", contract.__doc__ or contract.__name__)[0].strip()
    return words[:1].lower() + words[1:]


def parts_of(part: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Yield a built object and all that were built into it, each with its key in the configuration."""
    if isinstance(part, Mapping):
        inner = part.items()
    elif is_dataclass(part):
        yield where, part
        inner = {field.name: getattr(part, field.name) for field in fields(part)}.items()
    elif isinstance(part, tuple) and hasattr(part, "_asdict"):
        yield where, part
        inner = part._asdict().items()
    else:
        listed = part if isinstance(part, (tuple, list)) else ()
        for i, value in enumerate(listed):
            yield from parts_of(value, f"{where}[{i}]")
        return
    for name, value in inner:
        yield from parts_of(value, f"{where}.{name}")
