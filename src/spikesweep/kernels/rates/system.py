"""Systems of rate units and their compiled derivative, LANES networks of one structure per vector loop.

The equations are those at the top of `neurons.rate_unit` and `inputs.rate_synapses`, in the collapsed
form, which is exact: with G_i = sum_j w_ij g a_j the currents of a filtered-current projection sum to
    tau dI_i/dt = -I_i + G_i (E_rev - v_i),
one state a postsynaptic cell; and the filtered rates s_ij of a saturating projection are the same for all
i, one state a presynaptic cell. With `synapses` a filtered current keeps one state a synapse.

The rows of a state are the potentials of all cells, then the states of each link in turn; row r of a lane
is at r * lanes + lane, as in `kernels.driver`. Rows of `rates` are those of the cells, then of the clamped
units.
"""

from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.compile.jit import kept

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


@cache
def derivative_for(lanes: int) -> Any:
    """Return the compiled derivative of `lanes` networks.

    It writes the time derivative of `y` (per ms) to `dy` and the current into each cell (nA) to `total`;
    `drive` holds one row a postsynaptic cell of every link, and keeps those that are constant unless
    `fresh`; `scratch` is overwritten. Where they can, loops run over all rows and lanes at once: LLVM checks
    at their start that no arrays overlap, which is dear for one row.
    """
    L = lanes

    def sized(function: Any) -> Any:
        return kept(function, f"{lanes} lanes")

    @sized
    def fire(v, total, rates, n, c):
        """Write the rates, and no current yet."""
        v_th, span, slope = c[3 * n :], c[4 * n :], c[5 * n :]
        for k in range(n):
            x = v[k] - v_th[k]
            x = 0.0 if x < 0.0 else x
            x = span[k] if x > span[k] else x
            rates[k] = slope[k] * x
            total[k] = 0.0

    @sized
    def weigh(drive, weights, x, n_post, n_pre):
        """Write sum_j w_ij x_j to `drive`."""
        for k in range(n_post * L):
            drive[k] = 0.0
        for j in range(n_pre):
            for i in range(n_post):
                for lane in range(L):
                    drive[i * L + lane] += weights[(j * n_post + i) * L + lane] * x[j * L + lane]

    @sized
    def follow_each(current, change, v, total, rates, weights, n_post, n_pre, c, m, pre_index):
        """Advance a filtered current a synapse."""
        for j in range(n_pre):
            for i in range(n_post):
                for lane in range(L):
                    k = (j * n_post + i) * L + lane
                    force = c[3 * m + lane] - v[(j if pre_index else i) * L + lane]
                    target = c[lane] * weights[k] * rates[j * L + lane] * force
                    change[k] = (target - current[k]) * c[m + lane]
                    total[i * L + lane] += current[k]

    @sized
    def follow(current, change, v, total, drive, n, c, m, pre_index):
        """Advance a filtered current a cell; with `pre_index` the driving force is in `drive`."""
        per_tau, e_rev = c[m:], c[3 * m :]
        for k in range(n):
            force = 1.0 if pre_index else e_rev[k] - v[k]
            change[k] = (c[k] * drive[k] * force - current[k]) * per_tau[k]
            total[k] += current[k]

    @sized
    def rise_and_decay(s, change, rates, n, c, m):
        """Advance the filtered rates of a saturating conductance."""
        per_tau, per_rise = c[m:], c[2 * m :]
        for k in range(n):
            up = rates[k] - s[k]
            up = 0.0 if up < 0.0 else up
            change[k] = up * per_rise[k] - s[k] * per_tau[k]

    @sized
    def push(v, total, drive, n, c, m):
        """Add the current of a conductance."""
        e_rev = c[3 * m :]
        for k in range(n):
            total[k] += c[k] * drive[k] * (e_rev[k] - v[k])

    @sized
    def integrate(v, change, total, n, c):
        per_tau, r_in = c[n:], c[2 * n :]
        for k in range(n):
            change[k] = (c[k] - v[k] + r_in[k] * total[k]) * per_tau[k]

    @sized
    def derivative(
        y, dy, total, drive, scratch, rates, n_cells, table, cell_values, link_values, weights, fresh
    ):
        fire(y, total, rates, n_cells * L, cell_values)
        d = 0
        for k in range(table.shape[0]):
            form, post, n_post, pre, n_pre = table[k, 0], table[k, 1], table[k, 2], table[k, 3], table[k, 4]
            own, change = y[table[k, 5] * L :], dy[table[k, 5] * L :]
            w, constant, pre_index = weights[table[k, 6] * L :], table[k, 7] == 1, table[k, 8] == 1
            v, into, a, out = y[post * L :], total[post * L :], rates[pre * L :], drive[d * L :]
            c, m = link_values[table[k, 9] * L :], table[k, 10] * L
            if form == SYNAPSES:
                follow_each(own, change, v, into, a, w, n_post, n_pre, c, m, pre_index)
            elif form == CURRENT:
                if pre_index:
                    for i in range(n_pre * L):
                        scratch[i] = a[i] * (c[3 * m + i] - v[i])
                    weigh(out, w, scratch, n_post, n_pre)
                elif fresh or not constant:
                    weigh(out, w, a, n_post, n_pre)
                follow(own, change, v, into, out, n_post * L, c, m, pre_index)
            else:
                rise_and_decay(own, change, a, n_pre * L, c, m)
                weigh(out, w, own, n_post, n_pre)
                push(v, into, out, n_post * L, c, m)
            d += n_post
        integrate(y, dy, total, n_cells * L, cell_values)

    return derivative
