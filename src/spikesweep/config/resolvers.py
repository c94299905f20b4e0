"""What an interpolation of a configuration can compute: ranges, products, the cells of a network."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from spikesweep.config.parse import MOST_WRITTEN, n_in_range
from spikesweep.errors import InputError, shown
from spikesweep.grid.grid import is_finite
from spikesweep.grid.labels import tidy


def _arange(start: float, stop: float, step: float = 1.0) -> list[float]:
    """Return start, start + step, ... below stop: how many is decided before anything is rounded."""
    if not all(map(_is_number, (start, stop, step))):
        raise InputError(f"arange:{shown(start)},{shown(stop)},{shown(step)} is refused; allowed: numbers")
    n = n_in_range(start, stop, step, f"arange:{start},{stop},{step}", MOST_WRITTEN)
    return tidy(start + step * np.arange(n))


def _product(*factors: Any) -> float:
    """Return the product of numbers."""
    if not all(_is_number(f) for f in factors):
        raise InputError(f"product of {shown(list(factors))} is refused; allowed: finite numbers")
    return float(
        math.prod(map(float, factors)) if max(map(abs, factors), default=0) > 2**53 else math.prod(factors)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and is_finite(value)


def _spaced(name: str, space: Callable[..., Any], a: Any, b: Any, n: Any) -> list[float]:
    """Return n values from a to b."""
    if not all(_is_number(x) for x in (a, b, n)) or n != int(n) or not 1 <= n <= MOST_WRITTEN:
        raise InputError(
            f"{name}:{shown(a)},{shown(b)},{shown(n)} is refused; allowed: two finite numbers and "
            f"a whole number of values, 1 to {MOST_WRITTEN:,}"
        )
    values = space(a, b, int(n))
    if not np.isfinite(values).all():
        raise InputError(f"{name}:{a},{b},{n} is refused; allowed: values below 1e308")
    return tidy(values, even=space is np.linspace)


def _linspace(a: Any, b: Any, n: Any) -> list[float]:
    return _spaced("linspace", np.linspace, a, b, n)


def _logspace(a: Any, b: Any, n: Any) -> list[float]:
    with np.errstate(over="ignore"):
        return _spaced("logspace", np.logspace, a, b, n)


def _cells(*names: str, _root_: DictConfig) -> list[str]:
    """Return the cells that a network names, or the one cell of a neuron that has another alone."""
    neuron = _root_.get("neuron")
    cells = OmegaConf.to_container(neuron, resolve=False) if isinstance(neuron, DictConfig) else {}
    nodes = cells.items() if isinstance(cells, dict) else ()
    own = [str(name) for name, node in nodes if isinstance(node, dict) and "_target_" in node]
    return own if len(own) == 1 and own[0] not in names else [*names]


OmegaConf.register_new_resolver("cells", _cells, replace=True)
OmegaConf.register_new_resolver("linspace", _linspace, replace=True)
OmegaConf.register_new_resolver("logspace", _logspace, replace=True)
OmegaConf.register_new_resolver("product", _product, replace=True)
OmegaConf.register_new_resolver("arange", _arange, replace=True)
