"""From values of Python to those of a configuration: arrays, NumPy's numbers and models become plain ones."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from spikesweep.errors import InputError, shown


def plain_value(key: str, value: Any) -> Any:
    """Return a value as a configuration holds it; raise InputError for what no configuration can hold."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, np.generic):
        return plain_value(key, value.item())
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if (parts := _fields(value)) is not None:
        return plain_value(key, {"_target_": _name(type(value)), **parts})
    if isinstance(value, Mapping):
        return {str(name): plain_value(key, part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(key, part) for part in value]
    if hasattr(value, "__array__") and (array := np.asarray(value)).dtype.kind in "biufU" and array.ndim:
        return plain_value(key, array.tolist())
    raise InputError(
        f"{key} = {shown(value)} is refused; allowed: finite numbers, texts, models, arrays, and lists or "
        "mappings of these"
    )


def _fields(value: Any) -> dict[str, Any] | None:
    """Return the fields of a model, None of what is none."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value) if field.init}
    return None


def _name(kind: type) -> str:
    """Return what `_target_` calls a class: of our own models the name that stays."""
    ours = kind.__module__.startswith("spikesweep.models.")
    return f"{'spikesweep.models' if ours else kind.__module__}.{kind.__qualname__}"
