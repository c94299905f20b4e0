"""The generic driver: any neuron model with any synapses, LANES independent cells per vector loop.

A *component* is a NamedTuple class of parameters with
  coefficients(clock)   what a step needs, computed once: a NamedTuple of floats or arrays of lanes
  initial()             the state before the first step: a NamedTuple
A neuron adds `step(c, x, current, t, t_next) -> (state, spiked)`, an input (synapse)
`advance(c, x, kick) -> state` and `current(c, x, v) -> pA`; all three compiled and branch-free. The
first state variable of a neuron is its membrane potential.

Two more are for those that need them. An input may have `jump(c, x) -> mV`, by which it moves the
potential in the step: a neuron takes it as the current that does so, through its coefficient `per_jump`
(pA/mV: C_m / dt by forward Euler), without which it has no such input. And a neuron may look ahead:
`v_end = predict(c, x, current, t)`, its potential at the end of the step, then `step(c, x, current,
v_end, current_end, t, t_next)`, which takes the mean of both currents. `current_end` is that of its
inputs at v_end and at the end of the step, where no event has changed them; inputs without time constants
do not change in a step. A jump comes at its end.

The state, the coefficients and the spike count of LANES cells are the rows of one array, and rows of
inputs those of a second: with more arrays LLVM cannot rule out that they overlap, and gives up on
vector code. That the few there are never overlap is promised (`jit.disjoint`), so that the state stays
in registers from step to step. The loop is written as text because numba has no tuple of unlike
components; the text is short, the same with and without numba, and kept in `source` for reading.
"""

import linecache
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver_text import LANES as LANES
from spikesweep.kernels.cells.driver_text import Trace as Trace
from spikesweep.kernels.cells.driver_text import text_of
from spikesweep.kernels.compile.jit import disjoint, kept
from spikesweep.units import ms, number

_CACHE_LINE = 64


class Clock(NamedTuple):
    """The time grid and the clock that refractoriness is measured with.

    `published`: seconds in floating point, as the original scripts compare them; 5 ms at 0.05 ms are
    then 100 or 101 held steps, depending on how both times round. `steps`: the same comparisons in integers,
    which differ by up to two steps between the schemes that neurons follow: v stands at V_reset for
    t_ref / dt + 1 steps after that of the spike in AdExp, EIF, LIF, t_ref / dt in LIFExact, t_ref / dt - 1 in
    Jercog, AdExpEuler, AdExpHeun. `exact`: t_ref / dt steps in every neuron.
    """

    dt: ms
    tick: number  #: clock units in one step
    in_steps: bool
    held_at_rest: bool = False  #: refractory cells stand at E_L from their second step on, not at V_reset
    exact: bool = False  #: the same number of held steps in every neuron

    @classmethod
    def of(cls, dt: ms, refractory: str, held_at_rest: bool = False) -> "Clock":
        """Return the clock of a `refractory` rule: "published", "steps" or "exact"."""
        in_steps = refractory != "published"
        return cls(dt, 1.0 if in_steps else dt * 1e-3, in_steps, held_at_rest, refractory == "exact")

    def hold(self, t_ref: Any) -> Any:
        """Return a refractory time (ms) in clock units, that more has to pass than since a spike's step."""
        t_ref = np.asarray(t_ref, np.float64)
        held = np.round(t_ref / self.dt) if self.in_steps else t_ref * 1e-3
        return held - 0.5 if self.exact else held

    def hold_half_a_step_less(self, t_ref: Any, *, since_start: bool) -> Any:
        """Return the same where no rounding decides, counted since the start or the end of a spike's step."""
        if self.exact:
            return self.hold(t_ref) + (1.0 if since_start else 0.0)
        return self.hold(t_ref) - 0.5 * self.tick

    def held_potential(self, V_reset: Any, E_L: Any) -> Any:
        """Return where a refractory potential stands: the script of Zerlaut et al. 2018 leaves E_L."""
        return E_L if self.held_at_rest else V_reset


class Component(Protocol):
    """A neuron or an input, as described at the top of this file."""

    def coefficients(self, clock: Clock) -> tuple[Any, ...]:
        """Return what a step needs, floats or arrays of lanes."""

    def initial(self) -> tuple[Any, ...]:
        """Return the state before the first step, floats or arrays of lanes."""


class Layout(NamedTuple):
    """Where a driver keeps what: `rows` rows of LANES numbers."""

    sizes: tuple[int, ...]  #: rows of each part: state, coefficients of neuron, inputs; the count
    spikes: int  #: row of the spike count
    rows: int


class Driver(NamedTuple):
    """A compiled loop and the layout of its state."""

    advance: Callable[..., None]  #: (states, inputs, trace, groups, n, first, tick), flat arrays
    layout: Layout
    n_inputs: int
    source: str


@cache
def make_driver(
    neuron: type,
    inputs: tuple[type, ...],
    templates: tuple[tuple[type, type], ...],
    shared: tuple[tuple[bool, ...], ...],
    trace: Trace,
    counted: bool,
) -> Driver:
    """Compile the loop of a neuron class and input classes; it counts spikes where they are to be `counted`.

    `templates` are the (state, coefficients) classes of each, `shared` says which coefficients all lanes
    have in common: these are read once. Row r of `trace` is written to
    `trace[(step * len(trace) + r) * LANES + lane]`.
    """
    source, names, sizes = text_of(neuron, inputs, templates, shared, trace, counted)
    row = sum(sizes)
    filename = f"<driver of {neuron.__name__} {[c.__name__ for c in inputs]} trace={trace} {counted}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    exec(compile(source, filename, "exec"), names)
    layout = Layout(sizes, row, row + 1)
    advance = names["advance"]
    advance.__module__ = __name__
    classes = (neuron, *inputs, *(cls for pair in templates for cls in pair))
    return Driver(kept(advance, source, *classes, compile_it=disjoint), layout, len(inputs), source)


def takes_jumps(neuron: Component) -> bool:
    """Return whether a neuron can have inputs that move its potential at once: see the top of the file."""
    return "per_jump" in _template(neuron)[1]._fields  # type: ignore[attr-defined]


def driver_for(
    neuron: Component, inputs: Sequence[Component], *, trace: Trace = (), counted: bool = True
) -> Driver:
    """Return the driver of these components, compiled once per process and combination of classes.

    Raises InputError where an input moves the potential of a neuron that does not take jumps.
    """
    jumping = next((p for p in inputs if hasattr(p, "jump")), None)
    if jumping is not None and not takes_jumps(neuron):
        raise InputError(
            f"a {type(jumping).__name__} is no synapse of a {type(neuron).__name__}, whose potential cannot "
            "be moved at once; allowed: neurons whose coefficients have per_jump"
        )
    state, coefficients, shared = zip(*(_template(part) for part in (neuron, *inputs)), strict=True)
    templates = tuple(zip(state, coefficients, strict=True))
    return make_driver(type(neuron), tuple(type(p) for p in inputs), templates, shared, trace, counted)


def is_array(value: Any) -> bool:
    """Return whether a parameter has one value a lane; np.ndim asks the same of what is no array, slowly."""
    return isinstance(value, np.ndarray) and value.ndim > 0


#: What `_template` has found, by class and by all of its parameters that may decide it.
_templates: dict[tuple[Any, ...], tuple[type, type, tuple[bool, ...]]] = {}


def _template(part: Any) -> tuple[type, type, tuple[bool, ...]]:
    """Return the classes of a component's state and coefficients, and which of these all lanes share."""
    # whether a number is an array decides it, and so may words, truth values and None, but no number's value
    key = type(part), *(is_array(v) if is_array(v) or isinstance(v, float) else ("", v) for v in part)
    if key not in _templates:
        with np.errstate(all="ignore"):  # what the values are is not asked here
            found = part.coefficients(Clock.of(1.0, "steps"))
        shared = tuple(np.ndim(value) == 0 for value in found)
        _templates[key] = type(part.initial()), type(found), shared
    return _templates[key]


def initial_state(
    driver: Driver, neuron: Component, inputs: Sequence[Component], clock: Clock, n_groups: int
) -> NDArray[np.float64]:
    """Return the state of all lanes before the first step, shape (n_groups, rows, LANES).

    Parameters are floats, or arrays with one entry a lane (n_groups * LANES).
    """
    state = np.zeros((driver.layout.rows, n_groups * LANES))
    row = 0
    for part in (neuron, *inputs):
        for values in (part.initial(), part.coefficients(clock)):
            for value in values:
                state[row] = value
                row += 1
    groups = aligned(state.size).reshape(n_groups, -1, LANES)
    groups[:] = state.reshape(-1, n_groups, LANES).swapaxes(0, 1)
    return groups


def aligned(n: int) -> NDArray[np.float64]:
    """Return n zeros that start at a cache line: no vector of the kernels then crosses two."""
    raw = np.zeros(n * 8 + _CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % _CACHE_LINE
    return raw[start : start + n * 8].view(np.float64)
