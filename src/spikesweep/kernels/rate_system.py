"""Systems of rate units and their compiled derivative, LANES networks of one structure per vector loop.

The equations are those at the top of `neurons.rate_unit` and `inputs.rate_synapses`, in the collapsed
form, which is exact: with G_i = sum_j w_ij g a_j the currents of a filtered-current projection sum to
    tau dI_i/dt = -I_i + G_i (E_rev - v_i),
one state a postsynaptic cell; and the filtered rates s_ij of a saturating projection are the same for all
i, one state a presynaptic cell. With `synapses` a filtered current keeps one state a synapse.

The rows of a state are the potentials of all cells, then the states of each link in turn; row r of lane l
is at r * lanes + l, as in `kernels.driver`. Rows of `rates` are those of the cells, then of the clamped units.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikesweep.kernels.jit import compiled

Array = NDArray[np.float64]

#: Networks that advance together.
LANES = 16
#: The forms of a link in the compiled derivative.
CURRENT, SYNAPSES, CONDUCTANCE = range(3)
LINK_COLUMNS = ("form", "post row", "n post", "pre row", "n pre", "state row", "weight row", "clamped", "pre_index")


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
        n_post, n_pre, _ = link.weights.shape
        if link.tau_rise is not None:
            return n_pre
        return n_post * n_pre if self.synapses else n_post

    @property
    def link_rows(self) -> tuple[slice, ...]:
        """Return the state rows of each link."""
        ends = self.n_cells + np.cumsum([0, *(self.n_link_states(link) for link in self.links)])
        return tuple(slice(int(a), int(b)) for a, b in zip(ends, ends[1:], strict=False))

    @property
    def n_states(self) -> int:
        """Return the number of states."""
        return self.n_cells + sum(self.n_link_states(link) for link in self.links)


class Packed(NamedTuple):
    """A system as the compiled derivative reads it; leading dimension: groups of lanes."""

    cells: NDArray[np.int64]  #: first row and size of each population
    table: NDArray[np.int64]  #: of each link: LINK_COLUMNS
    cell_values: Array  #: rows of v_rest, 1/tau, R, v_th, v_pk - v_th, slope
    link_values: Array  #: rows of g, 1/tau, 1/tau_rise, E_rev
    weights: Array  #: rows of a link: pre * n_post + post
    rates: Array  #: rows of clamped units filled
    state: Array  #: at rest


def pack(system: System, lanes: int) -> Packed:
    """Return a system in groups of lanes; the last point fills what is left of the last group."""
    table, weights, clamped, link_values = [], [], [], []
    n_rates, n_weights = system.n_cells, 0
    for link, rows in zip(system.links, system.link_rows, strict=True):
        n_post, n_pre, n_points = link.weights.shape
        form = CONDUCTANCE if link.tau_rise is not None else SYNAPSES if system.synapses else CURRENT
        pre = n_rates if link.pre is None else system.first[link.pre]
        first, flags = system.first[link.post], (link.pre is None, system.pre_index)
        table.append((form, first, n_post, pre, n_pre, rows.start, n_weights, *flags))
        weights.append(link.weights.swapaxes(0, 1).reshape(-1, n_points))
        n_weights += n_post * n_pre
        if link.pre is None:
            clamped.append(link.clamped)
            n_rates += n_pre
        rise = np.ones(n_points) if link.tau_rise is None else link.tau_rise
        link_values += [link.g, 1.0 / link.tau, 1.0 / rise, link.E_rev]
    cell_values = []
    for p in system.populations:
        span = p.v_pk - p.v_th
        cell_values += [p.v_rest, 1.0 / p.tau, p.R, p.v_th, span, p.peak / span]
    state = np.zeros((system.n_states, len(system.populations[0].v_rest)))
    rates = np.zeros((n_rates, state.shape[1]))
    for first, p in zip(system.first, system.populations, strict=True):
        state[first : first + p.n] = p.v_rest
    if clamped:
        rates[system.n_cells :] = np.concatenate(clamped)
    arrays = (np.array(cell_values), np.array(link_values), np.concatenate(weights), rates, state)
    cells = np.array([(first, p.n) for first, p in zip(system.first, system.populations, strict=True)])
    return Packed(cells, np.array(table, np.int64), *(_in_lanes(rows, lanes) for rows in arrays))


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
    `fresh`; `scratch` is overwritten.
    """
    L = lanes
    G, PER_TAU, PER_RISE, E_REV = 0, L, 2 * L, 3 * L  # rows of link_values
    V_REST, PER_TAU_M, R, V_TH, SPAN, SLOPE = 0, L, 2 * L, 3 * L, 4 * L, 5 * L  # rows of cell_values

    @compiled
    def fire(y, total, rates, first, n, c):
        """Write the rates of a population, and no current yet."""
        for i in range(first, first + n):
            for l in range(L):
                x = y[i * L + l] - c[V_TH + l]
                x = 0.0 if x < 0.0 else x
                x = c[SPAN + l] if x > c[SPAN + l] else x
                rates[i * L + l] = c[SLOPE + l] * x
                total[i * L + l] = 0.0

    @compiled
    def weigh(drive, weights, x, n_post, n_pre):
        """Write sum_j w_ij x_j to `drive`."""
        for k in range(n_post * L):
            drive[k] = 0.0
        for j in range(n_pre):
            for i in range(n_post):
                for l in range(L):
                    drive[i * L + l] += weights[(j * n_post + i) * L + l] * x[j * L + l]

    @compiled
    def follow_each(current, change, v, total, rates, weights, n_post, n_pre, c, pre_index):
        """Advance a filtered current a synapse."""
        for j in range(n_pre):
            for i in range(n_post):
                for l in range(L):
                    k = (j * n_post + i) * L + l
                    force = c[E_REV + l] - v[(j if pre_index else i) * L + l]
                    target = c[G + l] * weights[k] * rates[j * L + l] * force
                    change[k] = (target - current[k]) * c[PER_TAU + l]
                    total[i * L + l] += current[k]

    @compiled
    def follow(current, change, v, total, drive, n_post, c, pre_index):
        """Advance a filtered current a cell; with `pre_index` the driving force is in `drive`."""
        for i in range(n_post):
            for l in range(L):
                k = i * L + l
                force = 1.0 if pre_index else c[E_REV + l] - v[k]
                change[k] = (c[G + l] * drive[k] * force - current[k]) * c[PER_TAU + l]
                total[k] += current[k]

    @compiled
    def rise_and_decay(s, change, rates, n_pre, c):
        """Advance the filtered rates of a saturating conductance."""
        for j in range(n_pre):
            for l in range(L):
                k = j * L + l
                up = rates[k] - s[k]
                up = 0.0 if up < 0.0 else up
                change[k] = up * c[PER_RISE + l] - s[k] * c[PER_TAU + l]

    @compiled
    def push(v, total, drive, n_post, c):
        """Add the current of a conductance."""
        for i in range(n_post):
            for l in range(L):
                k = i * L + l
                total[k] += c[G + l] * drive[k] * (c[E_REV + l] - v[k])

    @compiled
    def integrate(v, change, total, n, c):
        for i in range(n):
            for l in range(L):
                k = i * L + l
                change[k] = (c[V_REST + l] - v[k] + c[R + l] * total[k]) * c[PER_TAU_M + l]

    @compiled
    def derivative(y, dy, total, drive, scratch, rates, cells, table, cell_values, link_values, weights, fresh):
        for p in range(cells.shape[0]):
            fire(y, total, rates, cells[p, 0], cells[p, 1], cell_values[6 * p * L :])
        d = 0
        for k in range(table.shape[0]):
            form, post, n_post, pre, n_pre = table[k, 0], table[k, 1], table[k, 2], table[k, 3], table[k, 4]
            own, change = y[table[k, 5] * L :], dy[table[k, 5] * L :]
            w, constant, pre_index = weights[table[k, 6] * L :], table[k, 7] == 1, table[k, 8] == 1
            v, into, a, out = y[post * L :], total[post * L :], rates[pre * L :], drive[d * L :]
            c = link_values[4 * k * L :]
            if form == SYNAPSES:
                follow_each(own, change, v, into, a, w, n_post, n_pre, c, pre_index)
            elif form == CURRENT:
                if pre_index:
                    for j in range(n_pre):
                        for l in range(L):
                            scratch[j * L + l] = a[j * L + l] * (c[E_REV + l] - v[j * L + l])
                    weigh(out, w, scratch, n_post, n_pre)
                elif fresh or not constant:
                    weigh(out, w, a, n_post, n_pre)
                follow(own, change, v, into, out, n_post, c, pre_index)
            else:
                rise_and_decay(own, change, a, n_pre, c)
                weigh(out, w, own, n_post, n_pre)
                push(v, into, out, n_post, c)
            d += n_post
        for p in range(cells.shape[0]):
            first = cells[p, 0] * L
            integrate(y[first:], dy[first:], total[first:], cells[p, 1], cell_values[6 * p * L :])

    return derivative
