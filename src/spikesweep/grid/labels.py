"""What a value of an axis is called, and which two are the same: one rule for lists, ranges and tables.

A label has 15 significant digits, as a person types it: 0.3 and not 0.30000000000000004. It is also what the
random numbers of its point are drawn by. Two labels that agree in 12 digits are the same label, wherever it
is asked: in one axis, in a store that grows, in selection and comparison. Stores of before have labels of 12
or 17 digits; they are found by this rule, and keep their own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DIGITS, _SAME = 15, 12


def tidy(values: Any, *, even: bool = True) -> list[float]:
    """Return the labels of some values.

    Of values with `even` spaces what is next to nothing beside the largest is zero, 0 and not 1.4e-17.
    """
    nothing = 1e-12 * max((abs(v) for v in values), default=0.0) if even else 0.0
    return [0.0 if abs(v) <= nothing else float(f"{v:.{_DIGITS}g}") for v in values]


def same_labels(values: NDArray[Any]) -> NDArray[Any]:
    """Return what stands for each label: equal where two labels are the same. Words are themselves."""
    if values.dtype.kind != "f":
        return values
    distinct, place = np.unique(values, return_inverse=True)
    keys = np.array([float(f"{v:.{_SAME}g}") + 0.0 for v in distinct.tolist()])
    return np.asarray(keys[place].reshape(values.shape))


def as_stored(values: NDArray[Any], stored: NDArray[Any]) -> NDArray[Any]:
    """Return values by the labels that a store has for them; those that it does not have are as they are."""
    own = dict(zip(same_labels(stored).tolist(), stored.tolist(), strict=True))
    pairs = zip(same_labels(values).tolist(), values.tolist(), strict=True)
    return np.array([own.get(key, value) for key, value in pairs], values.dtype)


def is_label(values: NDArray[Any], wanted: Any) -> NDArray[np.bool_]:
    """Return which of the values are the same label as a wanted one."""
    asked = np.asarray(wanted)
    if values.dtype.kind == "f" and asked.dtype.kind in "iuf":
        return np.asarray(same_labels(values) == same_labels(asked.astype(np.float64)))
    return np.broadcast_to(np.asarray(values == wanted), values.shape)
