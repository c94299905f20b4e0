"""How the arguments and the result of a user's function are annotated."""

import inspect
from types import SimpleNamespace
from typing import Any, get_type_hints

import numpy as np

#: What reading an annotation raises that is text, or no type.
UNREADABLE = (NameError, SyntaxError, TypeError, AttributeError)


def annotation(function: Any, name: str) -> Any:
    """Return what annotates an argument, or `return`, None where nothing does; raise as Python does.

    Others are not looked at: they may be of a module that only type checkers import.
    """
    annotations = getattr(function, "__annotations__", {})
    if name not in annotations:
        return None
    names = getattr(inspect.unwrap(function), "__globals__", {})
    alone = SimpleNamespace(__annotations__={name: annotations[name]})
    return get_type_hints(alone, globalns=names, include_extras=True)[name]


def python_kind(plain: Any) -> Any:
    """Return float for the floats of NumPy, and int for its integers."""
    if isinstance(plain, type) and issubclass(plain, (np.floating, np.integer)):
        return float if issubclass(plain, np.floating) else int
    return plain
