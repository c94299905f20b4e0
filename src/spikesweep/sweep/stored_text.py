"""The configuration that a store holds, which comes from somebody else: nothing in it is resolved unseen."""

import re
from collections.abc import Mapping
from typing import Any

from spikesweep.errors import InputError

#: What may stand in the interpolations of a store: the names of values, and functions of numbers.
_FUNCTIONS = ("linspace", "logspace", "product", "arange")
_INTERPOLATION = re.compile(rf"\$\{{(?:\.*[\w.\[\]]+\}}|(?:{'|'.join(_FUNCTIONS)}):)")
_TEXTS = f"names of values, {', '.join(_FUNCTIONS)}"


def refuse_resolved(stored: Mapping[str, Any]) -> None:
    """Refuse a stored configuration that is to be resolved, as `${oc.env:...}`; raise InputError.

    What a run stores are plain values, and apart from them the interpolations that depend on swept ones.
    """
    todo: list[tuple[str, Any]] = [("", {k: v for k, v in stored.items() if k != "interpolated"})]
    while todo:
        where, node = todo.pop()
        if isinstance(node, (dict, list)):
            pairs = node.items() if isinstance(node, dict) else enumerate(node)
            todo += [(f"{where}.{key}".lstrip("."), value) for key, value in pairs]
            todo += [(f"{where}.{key}", key) for key in node if isinstance(node, dict) and "${" in str(key)]
        elif isinstance(node, str) and "${" in node:
            raise InputError(f"{where} = {node!r} of the store is refused; allowed: plain values")
    for key, text in (stored.get("interpolated") or {}).items():
        if str(text).count("${") != len(_INTERPOLATION.findall(str(text))):
            raise InputError(f"{key} = {text!r} of the store is refused; allowed: {_TEXTS}")
