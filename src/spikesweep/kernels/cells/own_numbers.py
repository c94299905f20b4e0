"""Random numbers that a cell draws for itself, in its step: what escape noise is made of.

A neuron that draws has three variables of these names in its state, which it only hands on:

    key_low, key_high   the cell's key, given to it before the first step
    drawn               how often it has drawn

    u, other = own_numbers(x.key_low, x.key_high, x.drawn)
    return State(v, x.key_low, x.key_high, x.drawn + 1.0), spiked

The numbers are those of Philox for this key and count, and the key follows from labels (root seed, seed,
point, population, number of the neuron), so that no worker, block, order or thread changes one. Why in the
state, and not as an argument of the step that the driver fills: the text of the driver, and with it the
machine code of all other cells, stays what it is; whatever runs cells has their states, while numbers from
outside would have to come with every kind of drive; and a cell is still a function of its state and input.

States are rows of float64, which need not keep the bits of what is no number. So each word is kept as
2**52 + word, whose low bits are the word.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import LANES, Component
from spikesweep.kernels.compile.jit import inlined
from spikesweep.kernels.random.philox import derive, philox4x32, uniform

#: A word of zero: what stands for a key before there is one, and for having drawn nothing.
NOTHING = 2.0**52
_KEYS = ("key_low", "key_high")
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_HIGH = np.uint64(2**20 - 1)
_ZERO = np.uint64(0)
#: A step is vector code only if all that it calls is inlined, and LLVM does not inline as much by itself.
_kernels: tuple[Any, Any] = philox4x32, uniform
_philox4x32, _uniform = (inlined(kernel.py_func) for kernel in _kernels)


class Named(NamedTuple):
    """What the own numbers of cells are keyed by."""

    key: NDArray[np.uint64]  #: of a point and population, or of a network; one for all cells, or one each
    neuron: NDArray[np.int64]  #: number of each cell there


@inlined
def own_numbers(key_low, key_high, drawn):
    """Return two numbers in (0, 1) for a cell's key and the count of what it has drawn."""
    k0, k1 = np.float64(key_low).view(np.uint64) & _LOW, np.float64(key_high).view(np.uint64) & _LOW
    n = np.float64(drawn).view(np.uint64)
    w0, w1, w2, w3 = _philox4x32(n & _LOW, (n >> _SHIFT) & _HIGH, _ZERO, _ZERO, k0, k1)
    return _uniform(w0, w1), _uniform(w2, w3)


def draws(neuron: Component) -> bool:
    """Return whether a neuron draws numbers of its own."""
    fields: Any = type(neuron.initial())
    return {*_KEYS, "drawn"} <= set(fields._fields)


def give_keys(state: NDArray[np.float64], neuron: Component, named: Named | None) -> None:
    """Write the keys of cells to their state, whose first dim is that of groups of LANES; raise InputError.

    Nothing is done where the neuron draws nothing. Lanes of no cell have the key of the last one.
    """
    if not draws(neuron):
        return
    if named is None:
        raise InputError(
            f"a {type(neuron).__name__} draws random numbers of its own, and there is no seed for them here; "
            "allowed: a neuron that draws none"
        )
    keys = derive(derive(named.key, "own numbers", 0.0), "neuron", named.neuron)
    rows = state.reshape(len(state), -1, LANES)
    lanes = keys[np.minimum(np.arange(len(state) * LANES), len(keys) - 1)].reshape(-1, LANES)
    fields: Any = type(neuron.initial())
    for name, words in zip(_KEYS, (lanes & _LOW, lanes >> _SHIFT), strict=True):
        rows[:, fields._fields.index(name)] = words.astype(np.float64) + NOTHING
