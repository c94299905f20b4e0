"""Priors: how the values of a sampled axis are distributed, by name, and with which density.

An axis is a range, {low, high, spacing, integer}, or a distribution: {dist: uniform | loguniform, low, high,
integer}, {dist: normal, mean, sd}, {dist: choices, values, weights}, or any continuous one of scipy.stats by
its name there with its shapes, loc and scale. All but the first and the choices may be cut at `low`, `high`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.grid import is_finite
from spikesweep.grid.labels import same_labels
from spikesweep.grid.schema import Axis

#: Significant digits of sampled values: nobody needs more, and recorded samples have as many.
SAMPLED = 12
_RANGE = ("low", "high", "spacing", "integer")
SPACINGS = {"uniform": "linear", "loguniform": "log"}
#: A part of a distribution that is not empty, and how near to an end of one without ends values are drawn.
_LEAST, _NEAREST = 1e-100, 2.0**-32

Spec = Mapping[str, Any]


def is_range(spec: Any) -> bool:
    """Return whether an axis is given as a range, or a distribution, to sample."""
    return isinstance(spec, Mapping) and ("low" in spec or "high" in spec or "dist" in spec)


def sampled(axis: Axis, spec: Spec, unit: NDArray[np.float64]) -> tuple[NDArray[Any], dict[str, Any]]:
    """Return the values of an axis at places of 0 .. 1 of its distribution, and this as it is recorded.

    Raises InputError for a distribution that is not known, or empty, or that the axis cannot have.
    """
    name = spec.get("dist")
    if name is None or (isinstance(name, str) and name in SPACINGS):
        return _in_range(axis, spec, unit)
    if name == "choices":
        return _chosen(axis, spec, unit)
    return _distributed(axis, spec, unit)


def values_of(priors: Mapping[str, Mapping[str, Any]], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points of the unit cube as values of axes, shape (points, axes)."""
    columns = [
        sampled(Axis(name, "1", name, -np.inf), prior, u)[0]
        for (name, prior), u in zip(priors.items(), unit.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def refuse_endless(axis: Axis, recorded: Spec) -> None:
    """Refuse a recorded distribution whose values have no end, on either side; raise InputError."""
    if recorded["dist"] in (*SPACINGS, "choices"):
        return
    low, high = frozen_of(recorded).support()
    ends = {"low": recorded.get("low", low), "high": recorded.get("high", high)}
    for name, end in ends.items():
        if not np.isfinite(end):
            raise InputError(
                f"{axis.where}.{name} = {end} is refused: morris takes both ends; allowed: a finite one"
            )


def _in_range(axis: Axis, spec: Spec, unit: NDArray[np.float64]) -> tuple[NDArray[Any], dict[str, Any]]:
    if "dist" in spec:
        _known(axis, spec, ("dist", "low", "high", "integer"))
        spec = {**{k: v for k, v in spec.items() if k != "dist"}, "spacing": SPACINGS[spec["dist"]]}
    _known(axis, spec, _RANGE)
    integer, spacing = spec.get("integer", axis.integer), spec.get("spacing", "linear")
    if integer not in (True, False) or (axis.integer and not integer):
        allowed = "true" if axis.integer else "true or false"
        raise InputError(f"{axis.where}.integer = {integer!r} is refused; allowed: {allowed}")
    low, high = (_number(axis, name, spec.get(name), integer=integer) for name in ("low", "high"))
    if not axis.minimum <= low < high:
        raise InputError(
            f"{axis.where} from {low} to {high} is refused; allowed: low < high, low >= {axis.minimum:g}"
        )
    if spacing not in ("linear", "log") or (spacing == "log" and low <= 0):
        raise InputError(f"{axis.where}.spacing = {spacing!r} is refused; allowed: linear, or log above 0")
    name = "uniform" if spacing == "linear" else "loguniform"
    recorded = {"dist": name, "low": low, "high": high, "integer": bool(integer)}
    if integer:  # each number has the part of the scale from itself to the next
        above = unit * (high - low + 1) if spacing == "linear" else low * ((high + 1) / low) ** unit - low
        whole: NDArray[Any] = np.minimum(low + np.floor(above).astype(np.int64), high)
        return (whole if axis.integer else whole.astype(np.float64)), recorded
    values = low + unit * (high - low) if spacing == "linear" else low * (high / low) ** unit
    return _rounded(values), recorded


def _chosen(axis: Axis, spec: Spec, unit: NDArray[np.float64]) -> tuple[NDArray[Any], dict[str, Any]]:
    _known(axis, spec, ("dist", "values", "weights"))
    values = np.asarray(spec["values"])
    if len(np.unique(same_labels(values))) < len(values):
        raise InputError(f"{axis.where}.values = {shown(values.tolist())}; allowed: each value once")
    weights = spec.get("weights", [1.0] * len(values))
    is_list = isinstance(weights, (list, tuple)) and len(weights) == len(values)
    if not is_list or not all(_is_number(w) and w > 0 for w in weights):
        raise InputError(
            f"{axis.where}.weights = {shown(weights)} is refused; allowed: {len(values)} numbers above 0"
        )
    ends = np.cumsum(weights) / np.sum(weights)
    recorded = {"dist": "choices", "values": values.tolist(), "weights": [float(w) for w in weights]}
    return values[np.minimum(np.searchsorted(ends, unit, side="right"), len(values) - 1)], recorded


def _distributed(axis: Axis, spec: Spec, unit: NDArray[np.float64]) -> tuple[NDArray[Any], dict[str, Any]]:
    if axis.integer or axis.words:
        ways = (
            "words; allowed: choices"
            if axis.words
            else "whole numbers; allowed: uniform, loguniform, choices"
        )
        raise InputError(f"{axis.where}.dist = {shown(spec['dist'])} is refused: its values are {ways}")
    parts = _parts(axis, spec["dist"])
    _known(axis, spec, ("dist", *parts, "low", "high"))
    recorded: dict[str, Any] = {"dist": spec["dist"]}
    for name in (*parts, "low", "high"):
        if name in spec or name in parts[: len(parts) - _n_optional(spec["dist"])]:
            recorded[name] = float(_number(axis, name, spec.get(name), integer=False))
    low, high = recorded.get("low", -np.inf), recorded.get("high", np.inf)
    frozen = frozen_of(recorded)
    mass = mass_of(frozen, low, high)
    if not np.isfinite(frozen.support()).any() and not np.isfinite(frozen.ppf(0.5)):
        given = {name: recorded[name] for name in parts if name in recorded}
        raise InputError(f"{axis.where} = {given} are no numbers that {spec['dist']} can have")
    if not low < high or not mass > _LEAST:
        raise InputError(
            f"{axis.where} from {low} to {high} is refused: {spec['dist']} has nothing there; "
            "allowed: low < high, around its values"
        )
    values = _rounded(_quantiles(frozen, low, high, unit))
    if not np.isfinite(values).all():
        raise InputError(f"{axis.where} has values without end; allowed: finite low and high")
    if (values < axis.minimum).any():
        raise InputError(
            f"{axis.where} holds {values.min():g} by {spec['dist']}; allowed: low = {axis.minimum:g} or more"
        )
    return values, recorded


def _parts(axis: Axis, name: Any) -> tuple[str, ...]:
    """Return what a distribution is given by: what it needs, then what it has a default for."""
    from scipy import stats  # late: it costs a second

    if name == "normal":
        return ("mean", "sd")
    found = getattr(stats, name, None) if isinstance(name, str) else None
    if not isinstance(found, stats.rv_continuous):
        known = ["uniform", "loguniform", "normal", "choices", "gamma", "lognorm", "beta", "truncnorm"]
        raise InputError(
            f"{axis.where}.dist = {shown(name)} is not known; {nearest(str(name), known)}, "
            "or another continuous one of scipy.stats"
        )
    shapes = [part.strip() for part in (found.shapes or "").split(",") if part.strip()]
    return (*shapes, "loc", "scale")


def _n_optional(name: str) -> int:
    return 0 if name == "normal" else 2  # loc and scale


def frozen_of(recorded: Spec) -> Any:
    """Return the distribution of scipy.stats, without its cuts, of a recorded one that is no range."""
    from scipy import stats

    given = {k: v for k, v in recorded.items() if k not in ("dist", "low", "high")}
    if recorded["dist"] == "normal":
        return stats.norm(given["mean"], given["sd"])
    return getattr(stats, recorded["dist"])(**given)


def mass_of(frozen: Any, low: float, high: float) -> float:
    """Return the probability between two bounds, also far out on one side."""
    if low > frozen.ppf(0.5):
        return float(frozen.sf(low) - frozen.sf(high))
    return float(frozen.cdf(high) - frozen.cdf(low))


def _quantiles(frozen: Any, low: float, high: float, unit: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite([low, high]).all():
        unit = np.clip(unit, _NEAREST, 1.0 - _NEAREST)
    if low > frozen.ppf(0.5):  # there the upper tail has more digits
        values = frozen.isf(frozen.sf(low) - unit * (frozen.sf(low) - frozen.sf(high)))
    else:
        values = frozen.ppf(frozen.cdf(low) + unit * (frozen.cdf(high) - frozen.cdf(low)))
    return np.asarray(np.clip(values, low, high), np.float64)


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(f"{v:.{SAMPLED}g}") for v in values.tolist()])


def _known(axis: Axis, spec: Spec, names: tuple[str, ...]) -> None:
    for name in spec:
        if name not in names:
            raise InputError(f"{axis.where}.{name} is not known; {nearest(str(name), names)}")


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, (int, float)) and is_finite(value)


def _number(axis: Axis, name: str, value: Any, *, integer: bool) -> Any:
    if not _is_number(value) or (integer and value != int(value)):
        kind = "a whole number" if integer else "a finite number"
        raise InputError(f"{axis.where}.{name} = {value!r} is refused; allowed: {kind}")
    if name in ("sd", "scale") and value <= 0:
        raise InputError(f"{axis.where}.{name} = {value!r} is refused; allowed: more than 0")
    return int(value) if integer else value
