"""Systems of rate units, LANES networks of one structure per vector loop (`derivative` is compiled).

The equations are those at the top of `neurons.rate_unit` and `inputs.rate_synapses`, in the collapsed
form, which is exact: with G_i = sum_j w_ij g a_j the currents of a filtered-current projection sum to
    tau dI_i/dt = -I_i + G_i (E_rev - v_i),
one state a postsynaptic cell; and the filtered rates s_ij of a saturating projection are the same for all
i, one state a presynaptic cell. With `synapses` a filtered current keeps one state a synapse.

The rows of a state are the potentials of all cells, then the states of each link in turn; row r of a lane
is at r * lanes + lane, as in `kernels.driver`. Rows of `rates` are those of the cells, then of the clamped
units.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Networks that advance together.
LANES = 16
#: The forms of a link in the compiled derivative.
CURRENT, SYNAPSES, CONDUCTANCE = range(3)
LINK_COLUMNS = (
    *("form", "post row", "n post", "pre row", "n pre", "state row", "weight row", "clamped", "pre_index"),
    *("value row", "rows a value"),
)


class Population(NamedTuple):
    """Cells of one kind; parameters of shape (points,)."""

    n: int
    v_rest: Array
    tau: Array
    R: Array
    v_th: Array
    v_pk: Array
    peak: Array


class Link(NamedTuple):
    """All synapses from one population to another."""

    post: int  #: index of the population
    pre: int | None  #: index of the population, None where `clamped` are the rates
    clamped: Array  #: presynaptic rates, shape (pre, points), empty where `pre` is given
    weights: Array  #: shape (post, pre, points)
    g: Array  #: shape (points,), as all that follow
    E_rev: Array
    tau: Array  #: of the current, or of the decay of a conductance
    tau_rise: Array | None  #: of a conductance, None for a filtered current
    course: Any = None  #: factor(t in ms) of the clamped rates, None where they are constant


class System(NamedTuple):
    """Networks of one structure, one a point."""

    populations: tuple[Population, ...]
    links: tuple[Link, ...]
    pre_index: bool  #: the driving force of synapse ij is that of cell j: the published slip
    synapses: bool = False  #: keep every synapse's current

    @property
    def first(self) -> tuple[int, ...]:
        """Return the row of the first cell of each population."""
        return tuple(int(n) for n in np.cumsum([0, *(p.n for p in self.populations)]))[:-1]

    @property
    def n_cells(self) -> int:
        """Return the number of cells."""
        return sum(p.n for p in self.populations)

    def n_link_states(self, link: Link) -> int:
        """Return how many states a link has."""
        n_post, n_pre = (int(n) for n in link.weights.shape[:2])
        if link.tau_rise is not None:
            return n_pre
        return n_post * n_pre if self.synapses else n_post

    @property
    def link_rows(self) -> tuple[slice, ...]:
        """Return the state rows of each link."""
        ends = self.n_cells + np.cumsum([0, *(self.n_link_states(link) for link in self.links)])
        return tuple(slice(int(a), int(b)) for a, b in pairwise(ends))

    @property
    def n_states(self) -> int:
        """Return the number of states."""
        return self.n_cells + sum(self.n_link_states(link) for link in self.links)


class Packed(NamedTuple):
    """A system as the compiled derivative reads it; leading dimension: groups of lanes."""

    n_cells: int
    table: NDArray[np.int64]  #: of each link: LINK_COLUMNS
    cell_values: Array  #: v_rest, 1/tau, R, v_th, v_pk - v_th, slope: a row a cell each
    link_values: Array  #: g, 1/tau, 1/tau_rise, E_rev of each link: a row each of its larger side's cells
    weights: Array  #: rows of a link: pre * n_post + post
    rates: Array  #: rows of clamped units filled
    state: Array  #: at rest


def pack(system: System, lanes: int) -> Packed:
    """Return a system in groups of lanes; the last point fills what is left of the last group."""
    table, weights, clamped, link_values = [], [], [], []
    n_rates, n_weights, n_values = system.n_cells, 0, 0
    for link, rows in zip(system.links, system.link_rows, strict=True):
        n_post, n_pre, n_points = link.weights.shape
        form = CONDUCTANCE if link.tau_rise is not None else SYNAPSES if system.synapses else CURRENT
        pre = n_rates if link.pre is None else system.first[link.pre]
        first, flags = system.first[link.post], (link.pre is None, system.pre_index)
        n_rows = max(n_post, n_pre)
        table.append((form, first, n_post, pre, n_pre, rows.start, n_weights, *flags, n_values, n_rows))
        weights.append(link.weights.swapaxes(0, 1).reshape(-1, n_points))
        n_weights += n_post * n_pre
        n_values += 4 * n_rows
        if link.pre is None:
            clamped.append(link.clamped)
            n_rates += n_pre
        rise = np.ones(n_points) if link.tau_rise is None else link.tau_rise
        link_values += [_rows(x, n_rows) for x in (link.g, 1.0 / link.tau, 1.0 / rise, link.E_rev)]
    cell_values = [
        np.concatenate([_rows(value(p), p.n) for p in system.populations]) for value in _CELL_VALUES
    ]
    state = np.zeros((system.n_states, len(system.populations[0].v_rest)))
    state[: system.n_cells] = cell_values[0]
    rates = np.zeros((n_rates, state.shape[1]))
    if clamped:
        rates[system.n_cells :] = np.concatenate(clamped)
    arrays = (np.concatenate(cell_values), np.concatenate(link_values), np.concatenate(weights), rates, state)
    return Packed(system.n_cells, np.array(table, np.int64), *(_in_lanes(rows, lanes) for rows in arrays))


_CELL_VALUES = (
    lambda p: p.v_rest,
    lambda p: 1.0 / p.tau,
    lambda p: p.R,
    lambda p: p.v_th,
    lambda p: p.v_pk - p.v_th,
    lambda p: p.peak / (p.v_pk - p.v_th),
)


def _rows(values: Array, n: int) -> Array:
    return np.broadcast_to(values, (n, len(values)))


def _in_lanes(rows: Array, lanes: int) -> Array:
    groups = -(-rows.shape[1] // lanes)
    padded = np.pad(rows, ((0, 0), (0, groups * lanes - rows.shape[1])), "edge")
    shaped = padded.reshape(len(rows), groups, lanes).swapaxes(0, 1)
    return np.ascontiguousarray(shaped).reshape(groups, -1)
